/**
 * What to send next. A `probe` is given out once: send all its packets, marked with its cluster and evenly spaced at its rate, and
 * only then ask for the next plan. `pace`: send packets without a cluster at this rate, and ask again at every wake-up, at the
 * latest after some 10 ms. `done`: send no more; the estimate is final.
 */
export type SendPlan =
  | { readonly kind: 'probe'; readonly cluster: number; readonly bitsPerSecond: number; readonly packets: number }
  | { readonly kind: 'pace'; readonly bitsPerSecond: number }
  | { readonly kind: 'done' };

/** A packet as it was handed to the socket. */
export interface SentPacket {
  /** Rises with each packet sent; gaps do no harm. */
  readonly sequence: number;
  readonly sentAtMs: number;
  /** Of relayed payload. */
  readonly bytes: number;
  /** The cluster of the plan that it was sent for, if any. */
  readonly cluster: number | undefined;
}
