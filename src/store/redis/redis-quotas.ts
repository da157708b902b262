import { randomUUID } from 'node:crypto';
import type { SharedQuotas } from '../store.ts';
import { runScript } from './redis-changes.ts';
import type { RedisConnection } from './redis-connection.ts';
import type { RedisNames } from './redis-names.ts';

/** What a daemon holds is forgotten after this long without a word of it. */
const LEASE_SECONDS = 15;

/** KEYS: the daemons, what this one holds. ARGV: its id, the user, the most, the lease, what the names of the others' begin with. */
const enterScript = `
local held = 0
for _, daemon in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local name = ARGV[5] .. daemon
  if daemon ~= ARGV[1] and redis.call('EXISTS', name) == 0 then
    redis.call('SREM', KEYS[1], daemon)
  else
    held = held + tonumber(redis.call('HGET', name, ARGV[2]) or '0')
  end
end
if held >= tonumber(ARGV[3]) then return 0 end
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
if redis.call('TTL', KEYS[2]) < 0 then redis.call('EXPIRE', KEYS[2], ARGV[4]) end
return 1
`;

/** KEYS: what this daemon holds. ARGV: the user. */
const leaveScript = `
local held = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if held > 1 then redis.call('HINCRBY', KEYS[1], ARGV[1], -1) else redis.call('HDEL', KEYS[1], ARGV[1]) end
`;

/** KEYS: the daemons, what this one holds. ARGV: its id, the lease, then users and how many of each. */
const renewScript = `
redis.call('DEL', KEYS[2])
redis.call('SADD', KEYS[1], ARGV[1])
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[2], ARGV[2])
`;

/** How many allocations each user has, by daemon. */
export class RedisQuotas implements SharedQuotas {
  readonly #names: RedisNames;
  readonly #connection: RedisConnection;
  readonly #daemon = randomUUID();

  constructor(names: RedisNames, connection: RedisConnection) {
    this.#names = names;
    this.#connection = connection;
  }

  async enter(user: string, most: number): Promise<boolean> {
    const values = [this.#daemon, user, String(most), String(LEASE_SECONDS), this.#names.held('')];
    return (await this.#run(enterScript, [this.#names.daemons, this.#held], values)) === 1;
  }

  async leave(user: string): Promise<void> {
    await this.#run(leaveScript, [this.#held], [user]);
  }

  async renew(held: ReadonlyMap<string, number>): Promise<void> {
    const counts = [...held].filter(([, count]) => count > 0).flatMap(([user, count]) => [user, String(count)]);
    const values = [this.#daemon, String(LEASE_SECONDS), ...counts];
    await this.#run(renewScript, [this.#names.daemons, this.#held], values);
  }

  get #held(): string {
    return this.#names.held(this.#daemon);
  }

  #run(script: string, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    return runScript(this.#connection, script, keys, values);
  }
}
