import { randomBytes } from 'node:crypto';
import type { Clock } from '../client/clock.ts';
import type { TurnAllocation } from '../client/turn-allocation.ts';

export interface EchoOptions {
  readonly packets: number;
  /** Between one packet and the next. */
  readonly intervalMs: number;
  /** How long to wait for what is still missing after the last packet was sent. */
  readonly waitMs: number;
}

export interface EchoResult {
  readonly sent: number;
  /** Of the packets that came back, in the order of their return. */
  readonly roundTripsMs: readonly number[];
}

const TOKEN_LENGTH = 8;

/**
 * Sends packets from one allocation to the other, which sends them back: each passes the relay twice.
 * Both need a permission for each other. Their handlers are replaced.
 */
export function echoThrough(
  near: TurnAllocation,
  far: TurnAllocation,
  clock: Clock,
  options: EchoOptions,
): Promise<EchoResult> {
  const { packets, intervalMs, waitMs } = options;
  // Strangers may send to relayed addresses as well; only what holds the token is counted.
  const token = randomBytes(TOKEN_LENGTH);
  const sentAt = new Map<number, number>();
  const roundTripsMs: number[] = [];
  far.onData = (peer, bytes) => far.send(peer, bytes);
  return new Promise((resolve) => {
    let sent = 0;
    const finish = () => {
      timer.cancel();
      near.onData = () => {};
      far.onData = () => {};
      resolve({ sent, roundTripsMs });
    };
    near.onData = (_peer, bytes) => {
      if (bytes.length !== TOKEN_LENGTH + 4 || !bytes.subarray(0, TOKEN_LENGTH).equals(token)) return;
      const number = bytes.readUInt32BE(TOKEN_LENGTH);
      const start = sentAt.get(number);
      // A packet may arrive twice.
      if (start === undefined || !sentAt.delete(number)) return;
      roundTripsMs.push(clock.now() - start);
      if (roundTripsMs.length === packets) finish();
    };
    const sendNext = () => {
      const packet = Buffer.alloc(TOKEN_LENGTH + 4);
      packet.set(token);
      packet.writeUInt32BE(sent, TOKEN_LENGTH);
      sentAt.set(sent++, clock.now());
      near.send(far.relayedAddress, packet);
      return sent < packets ? clock.schedule(intervalMs, step) : clock.schedule(waitMs, finish);
    };
    const step = () => {
      timer = sendNext();
    };
    let timer = sendNext();
  });
}
