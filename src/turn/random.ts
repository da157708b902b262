/** Unpredictable numbers, handed to the pure core. */
export interface RandomSource {
  /** A uniformly random integer in [0, limit). */
  below(limit: number): number;
  /** Random bytes. */
  bytes(length: number): Buffer;
}
