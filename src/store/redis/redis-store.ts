import type { StoredApiKey } from '../../credentials/api-keys.ts';
import type { UnixSeconds } from '../../turn/time.ts';
import type {
  Change,
  Changes,
  KeyBytes,
  Revocation,
  RevocationKind,
  Store,
  StoredUser,
  Usage,
  UsageQuery,
} from '../store.ts';
import { RedisChanges, runScript } from './redis-changes.ts';
import { RedisConnection } from './redis-connection.ts';
import { RedisNames } from './redis-names.ts';
import { RedisQuotas } from './redis-quotas.ts';
import { RedisUsage } from './redis-usage.ts';

/** How many entries of a large hash or set are read at once. */
const PAGE = 2000;
/** How many are forgotten at once; Lua's stack takes no more than 8000. */
const FORGET_AT_ONCE = 5000;

// What the scripts are given begins with KEYS[3] and ARGV[2]: see `changeScript`.

/** KEYS: the keys. ARGV: the change, the id, the key, and 1 when it has to be the first. */
const addKeyScript = `
if ARGV[5] == '1' and redis.call('HLEN', KEYS[3]) > 0 then return 0 end
if redis.call('HSETNX', KEYS[3], ARGV[3], ARGV[4]) == 0 then return 0 end
change(ARGV[2])
return 1
`;

/** `revoke(text, member, ends)`: of two for the same thing the longer one counts. KEYS: the keys, the revocations. */
const revocationScript = `
local function revoke(text, member, ends)
  local known = redis.call('ZSCORE', KEYS[4], member)
  if known and tonumber(known) >= tonumber(ends) then return end
  redis.call('ZADD', KEYS[4], ends, member)
  change(text)
end
`;

/** ARGV: the change, the id, then the revocation: its change, member and end. */
const removeKeyScript = `${revocationScript}
if redis.call('HDEL', KEYS[3], ARGV[3]) == 0 then return 0 end
change(ARGV[2])
revoke(ARGV[4], ARGV[5], ARGV[6])
return 1
`;

/** `forget(name, now)`: forgets some of the revocations that have run out; how many that were. */
const forgetFunction = `
local function forget(name, now)
  local over = redis.call('ZRANGEBYSCORE', name, '-inf', '(' .. now, 'LIMIT', 0, ${FORGET_AT_ONCE})
  if #over > 0 then redis.call('ZREM', name, unpack(over)) end
  return #over
end
`;

/** ARGV: the change, the member, its end, how many there may be, the time. */
const revokeScript = `${revocationScript}${forgetFunction}
local most = tonumber(ARGV[5])
local function isFull() return redis.call('ZCARD', KEYS[4]) >= most end
if isFull() and not redis.call('ZSCORE', KEYS[4], ARGV[3]) then
  forget(KEYS[4], ARGV[6])
  if isFull() then return 0 end
end
revoke(ARGV[2], ARGV[3], ARGV[4])
return 1
`;

/** KEYS: the revocations. ARGV: the change, the member. */
const unrevokeScript = `
if redis.call('ZREM', KEYS[3], ARGV[3]) == 0 then return 0 end
change(ARGV[2])
return 1
`;

/** KEYS: the users. ARGV: the change, the name, the user. */
const putUserScript = `
local isNew = redis.call('HSET', KEYS[3], ARGV[3], ARGV[4])
change(ARGV[2])
return isNew
`;

/** KEYS: the users. ARGV: the change, the name. */
const removeUserScript = `
if redis.call('HDEL', KEYS[3], ARGV[3]) == 0 then return 0 end
change(ARGV[2])
return 1
`;

/** KEYS: the revocations. ARGV: the time. */
const forgetScript = `${forgetFunction}
return forget(KEYS[1], ARGV[1])
`;

export interface RedisStoreOptions {
  readonly url: string;
  /** What the names of all keys begin with. */
  readonly prefix: string;
}

/** The store in Redis, which several daemons share. */
export class RedisStore implements Store {
  readonly kind = 'redis';
  readonly sharedQuotas: RedisQuotas;
  readonly #names: RedisNames;
  readonly #main: RedisConnection;
  readonly #waiting: RedisConnection;
  readonly #changes: RedisChanges;
  readonly #usage: RedisUsage;

  /** @throws StoreError when Redis cannot be had. */
  static async open({ url, prefix }: RedisStoreOptions): Promise<RedisStore> {
    const main = await RedisConnection.open(url);
    try {
      return new RedisStore(new RedisNames(prefix), main, await RedisConnection.open(url));
    } catch (error) {
      main.close();
      throw error;
    }
  }

  private constructor(names: RedisNames, main: RedisConnection, waiting: RedisConnection) {
    this.#names = names;
    this.#main = main;
    this.#waiting = waiting;
    this.#changes = new RedisChanges(names, main, waiting);
    this.#usage = new RedisUsage(names, main);
    this.sharedQuotas = new RedisQuotas(names, main);
  }

  async keys(): Promise<StoredApiKey[]> {
    return (await this.#entries(this.#names.keys)).map((text) => JSON.parse(text));
  }

  async key(id: string): Promise<StoredApiKey | undefined> {
    const text = await this.#main.use((client) => client.hGet(this.#names.keys, id));
    return text === null ? undefined : JSON.parse(text);
  }

  addKey(key: StoredApiKey): Promise<boolean> {
    return this.#addKey(key, '0');
  }

  addFirstKey(key: StoredApiKey): Promise<boolean> {
    return this.#addKey(key, '1');
  }

  removeKey(id: string, revokedUntil: UnixSeconds): Promise<boolean> {
    const revocation: Revocation = { kind: 'key', name: id, until: revokedUntil };
    return this.#change(
      removeKeyScript,
      [this.#names.keys, this.#names.revocations],
      { kind: 'key', id },
      ...[id, changeText({ kind: 'revocation', revocation }), memberOf('key', id), String(revokedUntil)],
    );
  }

  async users(): Promise<StoredUser[]> {
    return (await this.#entries(this.#names.users)).map((text) => {
      const user = JSON.parse(text) as StoredUser;
      return { ...user, sha256Key: user.sha256Key };
    });
  }

  putUser(user: StoredUser): Promise<boolean> {
    const { name } = user;
    return this.#change(putUserScript, [this.#names.users], { kind: 'user', name }, name, JSON.stringify(user));
  }

  removeUser(name: string): Promise<boolean> {
    return this.#change(removeUserScript, [this.#names.users], { kind: 'user', name }, name);
  }

  async revocations(now: UnixSeconds): Promise<Revocation[]> {
    // A scan may show an entry twice.
    const found = new Map<string, Revocation>();
    let cursor = '0';
    do {
      const at = cursor;
      const page = await this.#main.use((client) => client.zScan(this.#names.revocations, at, { COUNT: PAGE }));
      for (const { value, score } of page.members) {
        if (score >= now) found.set(value, { ...revokedBy(value), until: score as UnixSeconds });
      }
      ({ cursor } = page);
    } while (cursor !== '0');
    return [...found.values()];
  }

  revoke(revocation: Revocation, most: number, now: UnixSeconds): Promise<boolean> {
    const { kind, name, until } = revocation;
    return this.#change(
      revokeScript,
      [this.#names.keys, this.#names.revocations],
      { kind: 'revocation', revocation },
      ...[memberOf(kind, name), String(until), String(most), String(now)],
    );
  }

  unrevoke(kind: RevocationKind, name: string): Promise<boolean> {
    const change: Change = { kind: 'unrevocation', of: kind, name };
    return this.#change(unrevokeScript, [this.#names.revocations], change, memberOf(kind, name));
  }

  addUsage(usage: readonly Usage[]): Promise<void> {
    return this.#usage.add(usage);
  }

  usage(query: UsageQuery): Promise<Usage[]> {
    return this.#usage.find(query);
  }

  bytesOfKeys(keys: readonly string[], day: string): Promise<Map<string, KeyBytes>> {
    return this.#usage.bytesOfKeys(keys, day);
  }

  position(): Promise<string> {
    return this.#changes.position();
  }

  changesAfter(position: string, waitMilliseconds: number): Promise<Changes | undefined> {
    return this.#changes.after(position, waitMilliseconds);
  }

  async prune(now: UnixSeconds, oldestDay: string): Promise<void> {
    while ((await runScript(this.#main, forgetScript, [this.#names.revocations], [String(now)])) === FORGET_AT_ONCE);
    await this.#usage.forget(oldestDay);
  }

  async close(): Promise<void> {
    this.#main.close();
    this.#waiting.close();
  }

  #addKey(key: StoredApiKey, first: '0' | '1'): Promise<boolean> {
    const { id } = key;
    return this.#change(addKeyScript, [this.#names.keys], { kind: 'key', id }, id, JSON.stringify(key), first);
  }

  async #change(
    script: string,
    keys: readonly string[],
    change: Change,
    ...values: readonly string[]
  ): Promise<boolean> {
    return (await this.#changes.change(script, keys, [changeText(change), ...values])) === 1;
  }

  /** The values of a hash. */
  async #entries(name: string): Promise<string[]> {
    // A scan may show an entry twice.
    const found = new Map<string, string>();
    let cursor = '0';
    do {
      const at = cursor;
      const page = await this.#main.use((client) => client.hScan(name, at, { COUNT: PAGE }));
      for (const { field, value } of page.entries) found.set(field, value);
      ({ cursor } = page);
    } while (cursor !== '0');
    return [...found.values()];
  }
}

function changeText(change: Change): string {
  return JSON.stringify(change);
}

function memberOf(kind: RevocationKind, name: string): string {
  return `${kind}:${name}`;
}

function revokedBy(member: string): Pick<Revocation, 'kind' | 'name'> {
  const colon = member.indexOf(':');
  return { kind: member.slice(0, colon) as RevocationKind, name: member.slice(colon + 1) };
}
