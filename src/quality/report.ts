/** What a relay is like for a call, as it was measured. Plain data, for people and programs alike. */
export interface QualityReport {
  /** Milliseconds that the measurement took. */
  readonly durationMs: number;
  /** Of the steady stream; the probes that look for the bandwidth lose packets by intention. */
  readonly packets: PacketCounts;
  /**
   * When the relay, or the way to it, fell silent for good, in milliseconds from the beginning: of what was sent later, nothing arrived.
   * Left out when packets arrived up to the end.
   */
  readonly silentAfterMs?: number;
  /**
   * From this machine to the relay and back, once each way. When no packet was received these are all the time that was waited in
   * vain, which is the least that it can be.
   */
  readonly roundTripMs: Percentiles;
  /** Interarrival jitter in milliseconds (RFC 3550 §6.4.1), on average over the stream; 0 when no packet was received. */
  readonly jitterMs: number;
  readonly bandwidth: Bandwidth;
  /**
   * Mean opinion score by the E-model, 1 to 4.5: an estimate. Its delay is that of the call, with a jitter buffer for 99 % of the packets:
   * a path that keeps packets back now and then, as TCP does, is not as good as its median.
   */
  readonly mos: number;
  readonly meaning: Meaning;
}

export interface PacketCounts {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  /** 0 to 1; 1 when no packet was received. */
  readonly lossFraction: number;
  /** Packets that came after one that was sent later. */
  readonly reordered: number;
  readonly duplicated: number;
  /** The longest run of packets lost one after the other. */
  readonly longestBurst: number;
}

export interface Percentiles {
  readonly min: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface Bandwidth {
  /** What fits through the narrower direction, in bits a second of relayed payload. */
  readonly bitsPerSecond: number;
  /** What kept it from being more; `asked` means that no more was tried (`--max-bitrate`). */
  readonly limitedBy: 'delay' | 'loss' | 'asked' | 'time';
}

/** What the figures mean for a call. */
export interface Meaning {
  /** The best video that fits; `undefined` when none does. */
  readonly video: VideoRung | undefined;
  /** The delay in milliseconds that a jitter buffer has to add for 99 % of the packets to come in time. */
  readonly playoutDelayMs: number;
  /** How lost packets are best made good on this path. */
  readonly repair: 'none-needed' | 'nack' | 'fec' | 'nack-and-fec';
  /** The same in sentences, the most important first. */
  readonly sentences: readonly string[];
}

export interface VideoRung {
  /** Such as `1080p`. */
  readonly name: string;
  readonly bitsPerSecond: number;
}
