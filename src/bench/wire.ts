import type { AddressWords } from '../stun/ip-address.ts';

interface Destination {
  readonly ip: AddressWords;
  readonly port: number;
}

/** Takes the message `buffer[start, end)` that came to a socket; it may keep nothing of the buffer. */
export type WireReceiver = (socket: number, buffer: Buffer, start: number, end: number, from: Destination) => void;

/** The longest message that is composed, headers included. */
export const MESSAGE_ROOM = 2048;

/**
 * Many sockets of one kind, by number from 0, and how messages leave and arrive through them. A message is composed in
 * {@link bytes} from {@link at} on, then sent.
 */
export interface Wire {
  readonly bytes: Buffer;
  readonly at: number;
  /** Called for each message that arrives. */
  onMessage: WireReceiver;
  /** Messages that the system did not take. */
  readonly failed: number;
  /** Packets that arrived and found no room, over all sockets. */
  readonly overflows: number;
  /** Opens another socket and answers with its number, or with what the system said. */
  open(): Promise<number | Error>;
  close(socket: number): void;
  localPort(socket: number): number;
  /** Whether the socket takes more at the moment; over TCP a full connection does not. */
  isWritable(socket: number): boolean;
  /** Sends what was composed, `length` bytes; it may wait until {@link flush}. */
  send(socket: number, length: number, to: Destination): void;
  flush(): void;
  /** Hands on what has arrived, where that does not happen by itself. */
  receive(): void;
  /**
   * Waits. With `prompt` it ends as soon as something arrives, which costs more; without, arrivals may wait as long.
   * The event loop gets a turn now and then.
   */
  pause(milliseconds: number, prompt: boolean): Promise<void>;
  closeAll(): void;
}

/** Lets the event loop have a turn. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
