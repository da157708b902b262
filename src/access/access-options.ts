import type { KeyLimits } from '../credentials/api-keys.ts';
import type { TtlRules } from '../credentials/issue.ts';
import type { ConfiguredUser } from '../credentials/static-users.ts';
import type { Revocation, StoredUser } from '../store/store.ts';
import type { UnixSeconds } from '../turn/time.ts';

/** What access needs from the daemon. What a reload may change is asked for each time. */
export interface AccessOptions {
  readonly dataDir: string;
  readonly realm: string;
  ttl(): TtlRules;
  /** For how long after its end a credential can still refresh an allocation; infinite where it can for ever. */
  graceSeconds(): number;
  /** The first one signs what is issued. */
  secrets(): readonly string[];
  configuredUsers(): readonly ConfiguredUser[];
  /** Why a password is too weak; `undefined` when it will do. */
  passwordFault(password: string): string | undefined;
  readonly maxRevocations: number;
  /** Whether the key has relayed as many bytes as it may. */
  isOverBudget(key: string, limits: KeyLimits): boolean;
  now(): UnixSeconds;
  randomBytes(size: number): Buffer;
  /** Waits until the store is tried again; rejects when the signal says so. */
  pause?(milliseconds: number, signal: AbortSignal): Promise<unknown>;
}

/** What the daemon has to do, whoever caused it: this daemon, another one, or the command line. */
export interface AccessEvents {
  /** The static users in the store are others now; those of another realm are left out. */
  usersChanged(users: readonly StoredUser[]): void;
  /** A static user is gone, or has another password: its live allocations have to end. */
  userRevoked(name: string): void;
  /** Live allocations that it is about have to end. */
  revoked(revocation: Revocation): void;
  /** Whether the store can be read, and why not. */
  availabilityChanged(available: boolean, why: string | undefined): void;
  /** Something is not as it should be, and nobody is waiting for an answer that would say so. */
  trouble(what: string, why: string): void;
}
