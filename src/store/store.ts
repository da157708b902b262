import type { StoredApiKey } from '../credentials/api-keys.ts';
import type { UnixSeconds } from '../turn/time.ts';

/**
 * Where keys, users, revocations and usage outlive the daemon. Everything here is asked seldom: the daemon keeps what it needs
 * for a decision in memory, and follows the store by {@link Store.changesAfter}.
 *
 * Every method rejects with {@link StoreError} when the store cannot be had at the moment; nothing is half done then. A change
 * whose answer was lost on the way may have been made as a whole, which does no harm as it can be made again. Usage that was
 * refused never counts.
 */
export interface Store {
  readonly kind: 'sqlite' | 'redis';

  /** All API keys. */
  keys(): Promise<readonly StoredApiKey[]>;
  key(id: string): Promise<StoredApiKey | undefined>;
  /** Adds a key; false when there is one of this id already. */
  addKey(key: StoredApiKey): Promise<boolean>;
  /** Adds a key only if there is none at all, so that of two first starts at once one makes it; whether it did. */
  addFirstKey(key: StoredApiKey): Promise<boolean>;
  /** Removes a key and remembers until when what it has issued is revoked, in one step; false when there is none. */
  removeKey(id: string, revokedUntil: UnixSeconds): Promise<boolean>;

  /** All static users. */
  users(): Promise<readonly StoredUser[]>;
  /** Adds a user, or puts another in its place; whether it is new. */
  putUser(user: StoredUser): Promise<boolean>;
  /** False when there is none of this name. */
  removeUser(name: string): Promise<boolean>;

  /** All revocations in force at `now`. */
  revocations(now: UnixSeconds): Promise<readonly Revocation[]>;
  /**
   * Remembers a revocation; of two with the same kind and name the longer one counts. Those that have run out at `now` make
   * room. False when there are `most` in force already.
   */
  revoke(revocation: Revocation, most: number, now: UnixSeconds): Promise<boolean>;
  /** Takes a revocation back; false when there is none. */
  unrevoke(kind: RevocationKind, name: string): Promise<boolean>;

  /** Adds to what is counted; all of it or nothing. */
  addUsage(usage: readonly Usage[]): Promise<void>;
  /** What was counted, ordered by day, key, user, label. */
  usage(query: UsageQuery): Promise<readonly Usage[]>;
  /** Payload bytes, both ways together, of each of these keys on one day and in its month. */
  bytesOfKeys(keys: readonly string[], day: string): Promise<ReadonlyMap<string, KeyBytes>>;

  /** Where the changes are at this moment. */
  position(): Promise<string>;
  /**
   * What has been changed since, by whomever: this daemon, another one, the command line.
   *
   * @param waitMilliseconds how long to wait for a first one.
   * @returns `undefined` when the position is too old to be followed: everything has to be read again.
   */
  changesAfter(position: string, waitMilliseconds: number): Promise<Changes | undefined>;

  /** Forgets what is of no use any more: revocations that have run out, usage before `oldestDay`, changes that everybody has seen. */
  prune(now: UnixSeconds, oldestDay: string): Promise<void>;
  /** The quotas that several daemons share; `undefined` where there is only one daemon. */
  readonly sharedQuotas: SharedQuotas | undefined;
  close(): Promise<void>;
}

/** The store cannot be had at the moment. The message says why, and never holds a secret. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

/** A static user: the long-term keys (RFC 8489 §9.2.2) for one realm, never the password. */
export interface StoredUser {
  readonly name: string;
  readonly realm: string;
  /** Hex; MD5 of `name:realm:password`. */
  readonly md5Key: string;
  /** Hex; SHA-256 of the same. Unknown for a user that was imported with the other key only. */
  readonly sha256Key: string | undefined;
  readonly createdAt: UnixSeconds;
}

/** `credential`: one username as it was issued; `user`: all that was and is issued for a user; `key`: all that a key has issued. */
export type RevocationKind = 'credential' | 'user' | 'key';

export interface Revocation {
  readonly kind: RevocationKind;
  /** The username, the user, or the id of the key. */
  readonly name: string;
  /** As long as anything that it is about could still be valid. */
  readonly until: UnixSeconds;
}

/** What was relayed on a day for one key, user and label. Bytes are payload. */
export interface Usage {
  /** In UTC: `2026-11-23`. */
  readonly day: string;
  /** The id of the API key that issued the credential; empty where none did. */
  readonly key: string;
  readonly user: string;
  /** Empty where there is none. */
  readonly label: string;
  readonly fromClientBytes: number;
  readonly fromClientPackets: number;
  readonly toClientBytes: number;
  readonly toClientPackets: number;
  /** How many allocations began. */
  readonly allocations: number;
}

/** Both days are included; what is left out is not looked at. */
export interface UsageQuery {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly key?: string | undefined;
  readonly user?: string | undefined;
  readonly label?: string | undefined;
  /** How many at most. */
  readonly limit: number;
}

export interface KeyBytes {
  readonly day: number;
  readonly month: number;
}

/** What was changed, without the new value: that is to be asked for. */
export type Change =
  | { readonly kind: 'key'; readonly id: string }
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'revocation'; readonly revocation: Revocation }
  | { readonly kind: 'unrevocation'; readonly of: RevocationKind; readonly name: string };

export interface Changes {
  readonly changes: readonly Change[];
  readonly position: string;
}

/** How many allocations a user has at all daemons together. What a daemon that is gone held is forgotten after a while. */
export interface SharedQuotas {
  /** Counts an allocation; false when the user has `most` already. */
  enter(user: string, most: number): Promise<boolean>;
  leave(user: string): Promise<void>;
  /** Says that this daemon lives, and how many allocations of each user it really has. To be called every few seconds. */
  renew(held: ReadonlyMap<string, number>): Promise<void>;
}
