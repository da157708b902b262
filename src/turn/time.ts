/**
 * The two clocks of the server, kept apart by type. Pure code never reads either: it is handed the time.
 */

/** Milliseconds on a clock that only goes forward. Lifetimes, timers and rates are counted on it. */
export type Instant = number & { readonly __clock: 'monotonic' };

/** Seconds since 1970-01-01 UTC. Only the expiry of credentials and nonces is counted on it. */
export type UnixSeconds = number & { readonly __clock: 'unix' };

/** Both clocks read at one moment. The I/O layer refills one such object; pure code only reads it. */
export interface Time {
  instant: Instant;
  unix: UnixSeconds;
}

/** Marks a number as an {@link Instant}. */
export function instant(milliseconds: number): Instant {
  return milliseconds as Instant;
}

/** Marks a number as {@link UnixSeconds}; fractions are dropped. */
export function unixSeconds(seconds: number): UnixSeconds {
  return Math.floor(seconds) as UnixSeconds;
}

/** The instant `milliseconds` after `start`. */
export function after(start: Instant, milliseconds: number): Instant {
  return (start + milliseconds) as Instant;
}
