/** Clients of ours over real sockets, for tests that need a relay to be used. */
import type { ClientTransport } from '../../src/client/open-socket.ts';
import { diagnosticRetransmission } from '../../src/client/retransmission.ts';
import type { TurnAllocation } from '../../src/client/turn-allocation.ts';
import { openTurnClient, type TurnClient } from '../../src/client/turn-client.ts';
import { IpAddress } from '../../src/stun/ip-address.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** The static user of every {@link Taciturn}. */
export const alice: Credentials = { username: 'alice', password: 'correct horse' };

/** Connects to the server at this port of 127.0.0.1. */
export async function connect(
  port: number,
  credentials: Credentials = alice,
  transport: ClientTransport = { kind: 'udp' },
): Promise<TurnClient> {
  const client = await openTurnClient({
    server: { ip: IpAddress.parse('127.0.0.1')!, port },
    credentials,
    transport,
    retransmission: diagnosticRetransmission(),
  });
  if (!client.ok) throw new Error(client.error.message);
  return client.value;
}

/** Allocates on a connection of its own; {@link TurnClient.close} of the first closes that. */
export async function allocate(
  port: number,
  credentials?: Credentials,
  transport?: ClientTransport,
): Promise<readonly [TurnClient, TurnAllocation]> {
  const client = await connect(port, credentials, transport);
  const allocation = await client.allocate();
  if (allocation.ok) return [client, allocation.value];
  client.close();
  throw new Error(JSON.stringify(allocation.error));
}

/** Sends from one allocation to the other through both relays until it has arrived. */
export async function relay(from: TurnAllocation, to: TurnAllocation, text: string): Promise<void> {
  for (const [one, other] of [
    [from, to],
    [to, from],
  ] as const) {
    const permitted = await one.createPermission([other.relayedAddress]);
    if (!permitted.ok) throw new Error(JSON.stringify(permitted.error));
  }
  const arrived = new Promise<void>((resolve) => {
    to.onData = (_peer, bytes) => {
      if (bytes.toString() === text) resolve();
    };
  });
  const send = () => from.send(to.relayedAddress, Buffer.from(text));
  // UDP may lose it.
  const again = setInterval(send, 500);
  send();
  await arrived;
  clearInterval(again);
}
