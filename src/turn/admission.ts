/** Asking outside the server whether an allocation may be made: revocations, limits of API keys, quotas over several daemons. */
import { formatTransportAddress } from '../stun/ip-address.ts';
import { ErrorCode } from '../stun/protocol.ts';
import type { Allocation } from './allocation.ts';
import type { Credential } from './credential-source.ts';
import type { ClientTransport } from './five-tuple.ts';
import { type OpeningWishes, openFor } from './open-relay.ts';
import { type AnswerContext, fail, type Refusal, refuse } from './request.ts';
import type { ServerState } from './server-state.ts';
import type { Time } from './time.ts';

/** Which allocations are asked about: none, those whose credential an API key has issued, or all. */
export type AdmissionMode = 'none' | 'issued' | 'all';

/** Who wants an allocation: plain data that may be sent to another thread. */
export interface AdmissionCandidate {
  /** The id of the allocation that is to be. */
  readonly id: string;
  readonly username: string;
  readonly user: string;
  readonly label: string | undefined;
  readonly issuer: string | undefined;
  readonly client: string;
  readonly transport: ClientTransport;
}

export type AdmissionVerdict =
  | 'allowed'
  /** The credential, its user or the key that issued it. */
  | 'revoked'
  /** The key has as many allocations as it may. */
  | 'key-quota'
  /** The user has as many, over all daemons. */
  | 'user-quota'
  /** The key has relayed as many bytes as it may. */
  | 'budget'
  /** The operator's own service does not want it. */
  | 'denied';

/** An Allocate that waits for an answer. */
export interface PendingAdmission {
  readonly context: AnswerContext;
  readonly allocation: Allocation;
  readonly wishes: OpeningWishes;
}

const refusals: Readonly<Record<Exclude<AdmissionVerdict, 'allowed'>, Refusal>> = {
  // What an unknown user is told, too.
  revoked: refuse(ErrorCode.unauthenticated, 'the credential is revoked'),
  'key-quota': refuse(ErrorCode.allocationQuotaReached, 'the API key has as many allocations as it may'),
  'user-quota': refuse(ErrorCode.allocationQuotaReached, 'the user has as many allocations as it may'),
  budget: refuse(ErrorCode.allocationQuotaReached, 'the API key has used up its bytes'),
  denied: refuse(ErrorCode.forbidden, 'the admission service does not allow it'),
};

/** Whether somebody has to be asked about a user of this credential. */
export function asksAdmission(mode: AdmissionMode, { issuer }: Credential): boolean {
  return mode === 'all' || (mode === 'issued' && issuer !== undefined);
}

/** Asks; {@link admissionDecided} goes on with the Allocate. */
export function askAdmission(state: ServerState, pending: PendingAdmission): void {
  const { id, authenticated, fiveTuple } = pending.allocation;
  const { username, credential } = authenticated;
  const { user, label, issuer } = credential;
  const { client, listener } = fiveTuple;
  state.pendingAdmissions.set(id, pending);
  const candidate = { id, username, user, label, issuer, client: formatTransportAddress(client) };
  state.emit({ kind: 'ask-admission', candidate: { ...candidate, transport: listener.transport } });
}

/** The answer to `ask-admission`. */
export function admissionDecided(state: ServerState, id: string, verdict: AdmissionVerdict, time: Time): void {
  const pending = state.pendingAdmissions.get(id);
  if (pending === undefined) {
    // Its client has gone meanwhile.
    if (verdict === 'allowed') state.event({ kind: 'admission-unused', id });
    return;
  }
  state.pendingAdmissions.delete(id);
  const { context, allocation, wishes } = pending;
  if (verdict === 'allowed') {
    allocation.admitted = true;
    openFor(state, context, allocation, wishes, time);
    return;
  }
  giveBack(state, pending);
  state.removeAllocation(allocation);
  const { code, why } = refusals[verdict];
  fail(state, context, refusals[verdict], time);
  const { method, client } = context;
  const { username } = allocation.authenticated;
  state.event({ kind: 'request-refused', method, code, why, client, username, peer: undefined });
}

/** Ends the question about an allocation that is given up, if there is one. */
export function withdrawQuestion(state: ServerState, { id }: Allocation): void {
  const pending = state.pendingAdmissions.get(id);
  if (pending === undefined) return;
  state.pendingAdmissions.delete(id);
  giveBack(state, pending);
}

/** Gives back what the Allocate held beside its place in the quotas. */
function giveBack(state: ServerState, { wishes: { port, family, reservation } }: PendingAdmission): void {
  if (typeof port === 'number') state.shared.ports.release(family, port);
  if (reservation !== undefined) state.endReservation(reservation);
}
