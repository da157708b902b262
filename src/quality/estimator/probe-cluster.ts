/** A cluster has at least this many packets and lasts at least this long: libwebrtc's `min_probe_packets_sent`, `min_probe_duration`. */
const FEWEST_PACKETS = 5;
const SHORTEST_MS = 15;
/** Of the packets this part has to arrive: libwebrtc's `kMinReceivedProbesRatio`. */
const FEWEST_RECEIVED = 0.8;
/** A cluster that arrives this much faster than it was sent was held up and let go at once: `kMaxValidRatio`. */
const HIGHEST_RATIO = 2;
/** Received at less than this part of the sent rate, the path was full: `kMinRatioForUnsaturatedLink`. */
const UNSATURATED = 0.9;
/** What such a path is used to: `kTargetUtilizationFraction`. */
const UTILIZATION = 0.95;

/** How many packets a cluster of this rate has. */
export function clusterPackets(bitsPerSecond: number, packetBytes: number): number {
  return Math.max(FEWEST_PACKETS, Math.ceil((bitsPerSecond * SHORTEST_MS) / 1000 / (packetBytes * 8)) + 1);
}

/** A short burst of packets at one rate; the rate at which it arrives says how much fits (libwebrtc's `ProbeBitrateEstimator`). */
export class ProbeCluster {
  readonly id: number;
  readonly bitsPerSecond: number;
  readonly packets: number;
  #lost = 0;
  #sentBytes = 0;
  #firstSentMs = Number.POSITIVE_INFINITY;
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #lastSentBytes = 0;
  #received = 0;
  #receivedBytes = 0;
  #firstReceivedMs = Number.POSITIVE_INFINITY;
  #firstReceivedBytes = 0;
  #lastReceivedMs = Number.NEGATIVE_INFINITY;

  constructor(id: number, bitsPerSecond: number, packets: number) {
    this.id = id;
    this.bitsPerSecond = bitsPerSecond;
    this.packets = packets;
  }

  /** Whether it is known of every packet what became of it. */
  get isOver(): boolean {
    return this.#received + this.#lost >= this.packets;
  }

  sent(sentAtMs: number, bytes: number): void {
    this.#sentBytes += bytes;
    this.#firstSentMs = Math.min(this.#firstSentMs, sentAtMs);
    if (sentAtMs >= this.#lastSentMs) {
      this.#lastSentMs = sentAtMs;
      this.#lastSentBytes = bytes;
    }
  }

  received(receivedAtMs: number, bytes: number): void {
    this.#received++;
    this.#receivedBytes += bytes;
    if (receivedAtMs < this.#firstReceivedMs) {
      this.#firstReceivedMs = receivedAtMs;
      this.#firstReceivedBytes = bytes;
    }
    this.#lastReceivedMs = Math.max(this.#lastReceivedMs, receivedAtMs);
  }

  lost(): void {
    this.#lost++;
  }

  /** Bits a second that it found; `undefined` when too little of it arrived, or in too odd a way. */
  result(): number | undefined {
    if (this.#received < 2 || this.#received < FEWEST_RECEIVED * this.packets) return undefined;
    const sendMs = this.#lastSentMs - this.#firstSentMs;
    const receiveMs = this.#lastReceivedMs - this.#firstReceivedMs;
    if (!(sendMs > 0) || !(receiveMs > 0)) return undefined;
    // The last packet sent and the first received only mark the ends of the interval.
    const sendRate = ((this.#sentBytes - this.#lastSentBytes) * 8000) / sendMs;
    const receiveRate = ((this.#receivedBytes - this.#firstReceivedBytes) * 8000) / receiveMs;
    if (receiveRate > HIGHEST_RATIO * sendRate) return undefined;
    return receiveRate < UNSATURATED * sendRate ? UTILIZATION * receiveRate : Math.min(sendRate, receiveRate);
  }
}
