/** What stands at the beginning of each payload, so that whoever receives it knows what it is and how long it took. */
export interface Stamp {
  /** Which run it belongs to; a random number, so that nothing else is taken for one of ours. */
  run: number;
  /** The number of the client it comes from or goes to. */
  lane: number;
  /** Counted from 0 within run and lane. */
  sequence: number;
  /** When it was sent, by {@link monotonicMicroseconds}. */
  sentAt: number;
}

export const STAMP_LENGTH = 20;

/** Writes a stamp at `offset`, where there must be {@link STAMP_LENGTH} bytes. */
export function writeStamp(
  buffer: Buffer,
  offset: number,
  run: number,
  lane: number,
  sequence: number,
  sentAt: number,
): void {
  buffer.writeUInt32LE(run, offset);
  buffer.writeUInt32LE(lane, offset + 4);
  buffer.writeUInt32LE(sequence, offset + 8);
  buffer.writeDoubleLE(sentAt, offset + 12);
}

/** Reads the stamp of the payload `buffer[start, end)` into `into`; false when there is no room for one. */
export function readStamp(buffer: Buffer, start: number, end: number, into: Stamp): boolean {
  if (end - start < STAMP_LENGTH) return false;
  into.run = buffer.readUInt32LE(start);
  into.lane = buffer.readUInt32LE(start + 4);
  into.sequence = buffer.readUInt32LE(start + 8);
  into.sentAt = buffer.readDoubleLE(start + 12);
  return true;
}
