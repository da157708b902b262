import type { Verdict } from '../report.ts';
import { adviceFor } from './advice.ts';
import { type Evidence, outlookOf } from './outlook.ts';
import { reasonsFor } from './reasons.ts';
import { relayTransports } from './relay-transports.ts';
import { verdictSentence } from './verdict-sentence.ts';

/**
 * What follows from all that was found: whether connections between peers need a relay from this network, how sure that is, why,
 * and what to do. What is unknown or was not tested is never taken for "no": where the answer hangs on it, the answer is unknown.
 *
 * Towards peers of each kind it is decided as in {@link pair}. Alone, a network needs no relay when it connects directly with all
 * kinds, needs one sometimes when only with symmetric NATs not or not for sure, or when with a usual home router (port-restricted
 * cone) it is left to chance, and needs one when not with that either. A working IPv6 makes of "needed" a "sometimes".
 */
export function judge(evidence: Evidence): Verdict {
  const outlook = outlookOf(evidence);
  const transports = relayTransports(evidence);
  return {
    relay: outlook.need,
    confidence: outlook.confidence,
    sentence: verdictSentence(evidence, outlook, transports),
    reasons: reasonsFor(evidence, outlook),
    advice: adviceFor(evidence, outlook, transports),
    relayTransports: transports,
    peers: outlook.peers,
  };
}

/** The exit code of a diagnosis: 0 direct connections are likely, 1 a relay is needed, 3 inconclusive. */
export function diagnosisExitCode({ relay }: Pick<Verdict, 'relay'>): 0 | 1 | 3 {
  switch (relay) {
    case 'not-needed':
    case 'sometimes':
      return 0;
    case 'needed':
      return 1;
    case 'unknown':
      return 3;
  }
}
