import type { GroupDelta } from './packet-groups.ts';

/** Groups that the line is fitted to: libwebrtc's `kDefaultTrendlineWindowSize`. */
const WINDOW = 20;
/** libwebrtc's `kDefaultTrendlineSmoothingCoeff`. */
const SMOOTHING = 0.9;

/** Which way the one-way delay is going. */
export interface DelayTrend {
  /** Milliseconds of delay gained in a millisecond: the rate is above that of the bottleneck by this fraction of it. */
  readonly slope: number;
  /** How many groups have been seen in all. */
  readonly groups: number;
}

/**
 * Fits a straight line to the smoothed sum of the delay differences of the last 20 groups. This is the filter that libwebrtc uses
 * in place of the Kalman filter of draft-ietf-rmcat-gcc-02 §5.3.
 */
export class Trendline {
  readonly #points: { readonly atMs: number; readonly delayMs: number }[] = [];
  #groups = 0;
  #firstAtMs: number | undefined;
  #delayMs = 0;
  #smoothedMs = 0;

  /** Gives the trend once the window is full. */
  add({ sendDeltaMs, arrivalDeltaMs, atMs }: GroupDelta): DelayTrend | undefined {
    this.#firstAtMs ??= atMs;
    this.#groups++;
    this.#delayMs += arrivalDeltaMs - sendDeltaMs;
    this.#smoothedMs = SMOOTHING * this.#smoothedMs + (1 - SMOOTHING) * this.#delayMs;
    this.#points.push({ atMs: atMs - this.#firstAtMs, delayMs: this.#smoothedMs });
    if (this.#points.length > WINDOW) this.#points.shift();
    if (this.#points.length < WINDOW) return undefined;
    const slope = this.#slope();
    return slope === undefined ? undefined : { slope, groups: this.#groups };
  }

  /** Least squares; `undefined` where all groups came at one time. */
  #slope(): number | undefined {
    let sumAt = 0;
    let sumDelay = 0;
    for (const { atMs, delayMs } of this.#points) {
      sumAt += atMs;
      sumDelay += delayMs;
    }
    const meanAt = sumAt / this.#points.length;
    const meanDelay = sumDelay / this.#points.length;
    let covariance = 0;
    let variance = 0;
    for (const { atMs, delayMs } of this.#points) {
      covariance += (atMs - meanAt) * (delayMs - meanDelay);
      variance += (atMs - meanAt) ** 2;
    }
    return variance === 0 ? undefined : covariance / variance;
  }
}
