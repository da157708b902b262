import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '../client/clock.ts';
import type { MessageSocket } from '../client/message-socket.ts';
import type { TurnAllocation } from '../client/turn-allocation.ts';
import type { TransportAddress } from '../stun/ip-address.ts';

const TOKEN_LENGTH = 12;
const PACKETS = 4;
const INTERVAL_MS = 150;
const WAIT_MS = 1000;

export interface OutsideOptions {
  /** A socket towards the relayed address, as a peer that is no client of the server has one. It is closed. */
  readonly socket: MessageSocket;
  /** The addresses from which the server may see what that socket sends, the likeliest first. */
  readonly peers: readonly TransportAddress[];
  readonly clock: Clock;
}

/**
 * Sends to a relayed address as any peer on the Internet would: not through the server's own port but straight to it. Two
 * allocations of one server may reach each other although nobody else reaches them, because the server delivers within itself.
 *
 * @returns whether it arrived; `undefined` when the server does not let this machine be a peer.
 */
export async function arrivesFromOutside(
  allocation: TurnAllocation,
  { socket, peers, clock }: OutsideOptions,
): Promise<boolean | undefined> {
  // One by one: a local address may be one that the server rightly refuses.
  const permitted: boolean[] = [];
  for (const peer of peers) permitted.push((await allocation.createPermission([peer])).ok);
  if (!permitted[0]) {
    socket.close();
    return undefined;
  }
  const token = randomBytes(TOKEN_LENGTH);
  const arrived = await new Promise<boolean>((resolve) => {
    let timer: Timer | undefined;
    let sent = 0;
    const end = (result: boolean) => {
      timer?.cancel();
      resolve(result);
    };
    allocation.onData = (_peer, bytes) => {
      if (bytes.equals(token)) end(true);
    };
    const step = () => {
      // Set before: a socket may fail as it sends.
      timer = ++sent < PACKETS ? clock.schedule(INTERVAL_MS, step) : clock.schedule(WAIT_MS, () => end(false));
      socket.send(token, allocation.relayedAddress);
    };
    step();
  });
  allocation.onData = () => {};
  socket.close();
  return arrived;
}
