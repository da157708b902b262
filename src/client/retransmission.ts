/** When a request over UDP is sent again, and when its sender gives up (RFC 8489 §6.2.1). */
export interface RetransmissionProfile {
  /** First wait before sending again, in milliseconds; it doubles each time (RTO). */
  readonly initialTimeoutMs: number;
  /** How often the request is sent in all (Rc). */
  readonly sends: number;
  /** How many times the first wait to go on waiting after the last one (Rm). */
  readonly lastWaitFactor: number;
}

/** The values of RFC 8489 §6.2.1: seven sends, and 39.5 s until the transaction counts as failed. */
export const standardRetransmission: RetransmissionProfile = { initialTimeoutMs: 500, sends: 7, lastWaitFactor: 16 };

/**
 * A faster profile, for a person who is waiting for a verdict: four sends, over after fifteen times the first wait.
 *
 * @param roundTripMs what is known of the path; the first wait is twice that, and 250 ms at least.
 */
export function diagnosticRetransmission(roundTripMs = 0): RetransmissionProfile {
  return { initialTimeoutMs: Math.max(250, 2 * roundTripMs), sends: 4, lastWaitFactor: 8 };
}

export interface RetransmissionSchedule {
  /** Milliseconds after the start of each send; the first is 0. */
  readonly sendsAtMs: readonly number[];
  /** Milliseconds after the start at which no answer is expected any more. */
  readonly timeoutMs: number;
}

/** The same over TCP or TLS, which sends again by itself: one send, and as long a wait (RFC 8489 §6.2.2). */
export function reliableSchedule(profile: RetransmissionProfile): RetransmissionSchedule {
  return { sendsAtMs: [0], timeoutMs: retransmissionSchedule(profile).timeoutMs };
}

/** Lays a profile out as points in time. */
export function retransmissionSchedule(profile: RetransmissionProfile): RetransmissionSchedule {
  const { initialTimeoutMs, sends, lastWaitFactor } = profile;
  // The waits 1, 2, 4, … times the first one add up to 2^n - 1.
  const sendsAtMs = Array.from({ length: sends }, (_, n) => (2 ** n - 1) * initialTimeoutMs);
  return { sendsAtMs, timeoutMs: sendsAtMs.at(-1)! + lastWaitFactor * initialTimeoutMs };
}
