import { diagnosticRetransmission, type RetransmissionProfile } from '../client/retransmission.ts';

/** Three sends, over after 1.75 s. */
const hasty: RetransmissionProfile = { initialTimeoutMs: 250, sends: 3, lastWaitFactor: 4 };

/**
 * How often a request is sent while candidates are gathered: for up to 3.75 s, and where other places of the server are waiting to be
 * tried for half of that.
 */
export function gatherRetransmission(places: number): RetransmissionProfile {
  return places > 1 ? hasty : diagnosticRetransmission();
}
