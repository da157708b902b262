/** What becomes of a failure: the words of a browser's `icecandidateerror`, and what they leave open. Pure. */

import type { RequestFailure } from '../client/request-failure.ts';
import { type Advice, advice } from '../ladder/advice.ts';
import { type AdviceContext, adviseOnRequest } from '../ladder/request-advice.ts';
import type { RungName } from '../ladder/rung.ts';
import { reasonPhrases } from '../stun/protocol.ts';

/** Why a server gave nothing, as seen from one address of this machine. */
export interface ProbeProblem {
  readonly errorCode: number;
  readonly errorText: string;
  readonly problem: Advice;
}

/** What browsers report when there is no STUN error response: the server could not be reached. */
const SERVER_NOT_REACHABLE = 701;

/** The texts are Chromium's, so that people find again what they have seen in a browser. */
const texts = {
  lookup: (usage: Usage) => `${usage} host lookup received error.`,
  connection: () => 'Failed to establish connection',
  silence: (usage: Usage) =>
    usage === 'STUN' ? 'STUN binding request timed out.' : 'TURN allocate request timed out.',
  url: () => 'Invalid ICE server URL.',
} as const;

export type Usage = 'STUN' | 'TURN';

/** The server was not reached; `what` says how far it went. */
export function notReached(what: keyof typeof texts, usage: Usage, problem: Advice): ProbeProblem {
  return { errorCode: SERVER_NOT_REACHABLE, errorText: texts[what](usage), problem };
}

/** A request has failed: with the server's own error, or without one. */
export function requestFailed(
  usage: Usage,
  rung: RungName,
  failure: RequestFailure,
  about: AdviceContext,
): ProbeProblem {
  const problem = adviseOnRequest(rung, failure, about);
  if (failure.kind === 'error-response') {
    const { code, reason } = failure;
    return { errorCode: code, errorText: printable(reason) || (reasonPhrases.get(code) ?? ''), problem };
  }
  if (failure.kind === 'stale-nonce-loop') return { errorCode: 438, errorText: reasonPhrases.get(438)!, problem };
  const isSilence = failure.kind === 'timeout' || failure.kind === 'integrity-violated';
  return notReached(isSilence ? 'silence' : 'connection', usage, problem);
}

/** The server has answered another address of this machine and nothing came to this one. */
export function silentHere(usage: Usage, local: string, interfaceName: string): ProbeProblem {
  return notReached(
    'silence',
    usage,
    advice(
      'no_answer_here',
      `The server answers another address of this machine, but not ${local} (${interfaceName}).`,
      'That interface seems to lead elsewhere, as those of VPNs and virtual machines do. Nothing needs to be done.',
    ),
  );
}

/** Text from the network has no business moving the cursor of a terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '').trim();
}
