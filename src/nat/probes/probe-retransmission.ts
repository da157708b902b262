import type { RetransmissionProfile } from '../../client/retransmission.ts';

/**
 * For a request whose answer may never come: four sends within three quarters of a second, over after one and a half. Silence
 * has to be waited for, and is then asked for a second time, so it should not take longer than the path needs.
 *
 * @param roundTripMs what is known of the path; only a slow one makes it longer.
 */
export function probeRetransmission(roundTripMs: number): RetransmissionProfile {
  const initialTimeoutMs = Math.max(100, roundTripMs / 2);
  return { initialTimeoutMs, sends: 4, lastWaitFactor: Math.max(800, 2 * roundTripMs) / initialTimeoutMs };
}
