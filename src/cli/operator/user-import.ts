import type { StoredUser } from '../../store/store.ts';
import { isUserName } from '../../stun/user-name.ts';
import type { UnixSeconds } from '../../turn/time.ts';
import type { CoturnUser } from './coturn-database.ts';

/** Why a user is not imported. */
export type LeftOutReason = 'other-realm' | 'configured' | 'exists' | 'bad-name' | 'bad-key';

export interface LeftOut {
  readonly name: string;
  readonly realm: string;
  readonly why: LeftOutReason;
}

export interface ImportPlan {
  readonly put: readonly StoredUser[];
  /** Those that are in the store with the same key. */
  readonly unchanged: readonly string[];
  readonly leftOut: readonly LeftOut[];
}

export interface ImportRules {
  readonly realm: string;
  readonly configured: ReadonlySet<string>;
  readonly stored: readonly StoredUser[];
  /** Whether a user who is in the store with another key gets the one of coturn. */
  readonly replace: boolean;
  readonly now: UnixSeconds;
}

/** Decides for each user of a coturn database whether it is imported. */
export function planImport(users: readonly CoturnUser[], rules: ImportRules): ImportPlan {
  const { realm, now } = rules;
  const stored = new Map(rules.stored.map((user) => [user.name, user]));
  const put: StoredUser[] = [];
  const unchanged: string[] = [];
  const leftOut: LeftOut[] = [];
  for (const user of users) {
    const { name, key } = user;
    const md5Key = key.trim().toLowerCase();
    const known = stored.get(name);
    if (known?.realm === realm && known.md5Key === md5Key && user.realm === realm) {
      unchanged.push(name);
      continue;
    }
    const why = refusal({ ...user, key: md5Key }, known, rules);
    if (why === undefined) put.push({ name, realm, md5Key, sha256Key: undefined, createdAt: now });
    else leftOut.push({ name, realm: user.realm, why });
  }
  return { put, unchanged, leftOut };
}

function refusal(user: CoturnUser, known: StoredUser | undefined, rules: ImportRules): LeftOutReason | undefined {
  if (user.realm !== rules.realm) return 'other-realm';
  if (!isUserName(user.name)) return 'bad-name';
  // MD5 is all that turnadmin writes.
  if (!/^[0-9a-f]{32}$/.test(user.key)) return 'bad-key';
  if (rules.configured.has(user.name)) return 'configured';
  // One for another realm is of no use, so nothing is lost with it.
  return known !== undefined && known.realm === rules.realm && !rules.replace ? 'exists' : undefined;
}
