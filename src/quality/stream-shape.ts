/** So many packets tell the loss to some tenths of a percent, also where a busy machine does not get to send every fifth of them. */
const WANTED_PACKETS = 2500;
const MIN_PACKETS_PER_SECOND = 100;
const MAX_PACKETS_PER_SECOND = 450;
/** Smaller ones would be little more than their headers. */
const MIN_PACKET_BYTES = 100;
const MAX_PACKET_BYTES = 1000;
/** A stream at half the bandwidth makes no queue of its own; more than a video call in 720p is not needed. */
const BANDWIDTH_SHARE = 0.5;
const MAX_BITS_PER_SECOND = 2_000_000;
/** What is sent where hardly anything seems to fit: less than sound takes no call needs. */
const MIN_BITS_PER_SECOND = 64_000;

/** A steady stream of packets. */
export interface StreamShape {
  readonly packetBytes: number;
  readonly bitsPerSecond: number;
}

/**
 * Chooses the stream by which delay and loss are measured.
 *
 * @param bandwidthBitsPerSecond what fits through the path.
 * @param limitBitsPerSecond what may be sent at most.
 */
export function streamShape(
  bandwidthBitsPerSecond: number,
  limitBitsPerSecond: number,
  durationMs: number,
): StreamShape {
  const share = Math.min(BANDWIDTH_SHARE * bandwidthBitsPerSecond, MAX_BITS_PER_SECOND);
  const bitsPerSecond = Math.min(Math.max(share, MIN_BITS_PER_SECOND), limitBitsPerSecond);
  const packetsPerSecond = clamp((WANTED_PACKETS * 1000) / durationMs, MIN_PACKETS_PER_SECOND, MAX_PACKETS_PER_SECOND);
  const packetBytes = clamp(Math.floor(bitsPerSecond / 8 / packetsPerSecond), MIN_PACKET_BYTES, MAX_PACKET_BYTES);
  // Where the packets are of the largest size, more of them are not needed either.
  return { packetBytes, bitsPerSecond: Math.min(bitsPerSecond, packetsPerSecond * packetBytes * 8) };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
