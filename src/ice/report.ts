import type { Advice } from '../ladder/advice.ts';
import type { Candidate, RelayProtocol } from './candidate.ts';

/** A candidate with where it comes from. */
export interface GatheredCandidate extends Candidate {
  readonly family: 'ipv4' | 'ipv6';
  /** Of the base: the interface from which it was gathered. */
  readonly networkInterface: string;
  /** Of reflexive and relayed candidates: the URL of the server, as it was given, and where that was found. */
  readonly url?: string;
  readonly server?: string;
  readonly relayProtocol?: RelayProtocol;
  /** Milliseconds since gathering began. */
  readonly elapsedMs: number;
  /** What keeps it from being of use, or may. */
  readonly flags: readonly Advice[];
}

/** What the `icecandidateerror` event of a browser would say, and what it would not: the cause, and what to do. */
export interface CandidateError {
  /** The local address from which the server was asked; `null` when it was asked from none, or is to stay hidden. */
  readonly address: string | null;
  readonly port: number | null;
  readonly url: string;
  /** The STUN error code of the server, or 701 when it could not be reached. */
  readonly errorCode: number;
  readonly errorText: string;
  /** Where the server was found; `null` when it was not. */
  readonly server: string | null;
  readonly problem: Advice;
  readonly elapsedMs: number;
}

/** How one URL did. */
export interface ServerReport {
  readonly url: string;
  /**
   * A TURN server has answered when it gave a relayed address, a STUN server when it told an address. With the policy `relay` STUN
   * servers are not asked.
   */
  readonly status: 'answered' | 'failed' | 'not-asked';
  /** Where it was found. */
  readonly addresses: readonly string[];
  /** Milliseconds since gathering began, until its first answer or its failure. */
  readonly elapsedMs: number;
  /** What works and should be looked at nevertheless. */
  readonly flags: readonly Advice[];
}

/** All that `taciturn gather` found. */
export interface GatherReport {
  readonly policy: 'all' | 'relay';
  readonly candidates: readonly GatheredCandidate[];
  /** Those of servers that answered another of this machine's addresses are among them. */
  readonly errors: readonly CandidateError[];
  readonly servers: readonly ServerReport[];
  /** What the candidates tell together. */
  readonly flags: readonly Advice[];
  /** Milliseconds until the last candidate or error. */
  readonly elapsedMs: number;
}
