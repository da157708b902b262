import { randomUUID } from 'node:crypto';
import type { KeyBytes, Usage, UsageQuery } from '../store.ts';
import { runScript } from './redis-changes.ts';
import { type RedisConnection, UndecidedError } from './redis-connection.ts';
import type { RedisNames } from './redis-names.ts';
import { readUsageTuple, tuplesOfKey, usageTuple } from './usage-tuple.ts';

/** How long Redis remembers what a daemon has written last: longer than it may be away. */
const WRITER_SECONDS = 7 * 86_400;
/** How much is read at once. */
const PAGE = 1000;

/** The counts, in the order of the letters that their fields end with. */
const countNames = ['fromClientBytes', 'fromClientPackets', 'toClientBytes', 'toClientPackets', 'allocations'] as const;
type Counts = Record<(typeof countNames)[number], number>;
const letters = 'abcde';

/**
 * `add()` adds what is in ARGV from the third on. KEYS[1] is the writer, KEYS[2] the days; KEYS from the third on are three for
 * each day: its index, its counts, the bytes of keys in its month. ARGV[2] says where the first part ends. It is for each usage:
 * the place of its day's names in KEYS, the tuple, five counts. The second part is for each key and day: that place, the key,
 * the day, the bytes.
 */
const addScript = `
local function add()
  local bytes = tonumber(ARGV[2])
  for i = 3, bytes - 1, 7 do
    local place, tuple = tonumber(ARGV[i]), ARGV[i + 1]
    redis.call('ZADD', KEYS[place], 0, tuple)
    for c = 1, 5 do
      local count = ARGV[i + 1 + c]
      if count ~= '0' then redis.call('HINCRBY', KEYS[place + 1], tuple .. '\\0' .. string.sub('${letters}', c, c), count) end
    end
  end
  for i = bytes, #ARGV, 4 do
    local name, key, day = KEYS[tonumber(ARGV[i]) + 2], ARGV[i + 1], ARGV[i + 2]
    redis.call('ZADD', KEYS[2], 0, day)
    redis.call('HINCRBY', name, key .. ' ' .. day, ARGV[i + 3])
    redis.call('HINCRBY', name, key, ARGV[i + 3])
  end
end
local number = tonumber(ARGV[1])
local decided = tonumber(redis.call('HGET', KEYS[1], 'decided') or '0')
`;

/** A batch is added once at most, and never after it was given up. */
const writeScript = `${addScript}
if number <= decided then return end
redis.call('HSET', KEYS[1], 'decided', number, 'added', number)
redis.call('EXPIRE', KEYS[1], ${WRITER_SECONDS})
add()
`;

/** Gives a batch up: if it was added, it is taken away again (what is handed over is negative); if not, it will not be. */
const giveUpScript = `${addScript}
local added = tonumber(redis.call('HGET', KEYS[1], 'added') or '0')
redis.call('HSET', KEYS[1], 'decided', math.max(number, decided), 'added', 0)
redis.call('EXPIRE', KEYS[1], ${WRITER_SECONDS})
if added == number then add() end
`;

interface Batch {
  readonly number: number;
  readonly usage: readonly Usage[];
}

/** What is counted, in Redis. */
export class RedisUsage {
  readonly #names: RedisNames;
  readonly #connection: RedisConnection;
  readonly #writer = randomUUID();
  #nextNumber = 1;
  /** Refused, although it may have been added: to be cleared up before anything else is added. */
  #undecided: Batch | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(names: RedisNames, connection: RedisConnection) {
    this.#names = names;
    this.#connection = connection;
  }

  /** Adds all of it or, when it rejects, nothing: should Redis have added it all the same, that is undone before the next. */
  add(usage: readonly Usage[]): Promise<void> {
    const added = this.#turn.then(() => this.#add(usage));
    this.#turn = added.catch(() => {});
    return added;
  }

  async #add(usage: readonly Usage[]): Promise<void> {
    if (this.#undecided !== undefined) {
      await this.#run(giveUpScript, this.#undecided, -1);
      this.#undecided = undefined;
    }
    if (usage.length === 0) return;
    const batch = { number: this.#nextNumber++, usage };
    try {
      await this.#run(writeScript, batch, 1);
    } catch (error) {
      if (error instanceof UndecidedError) this.#undecided = batch;
      throw error;
    }
  }

  async find(query: UsageQuery): Promise<Usage[]> {
    const found: Usage[] = [];
    for (const day of await this.#days(query)) {
      for await (const tuples of this.#tuples(day, query)) {
        found.push(...(await this.#counted(day, tuples.slice(0, query.limit - found.length))));
        if (found.length >= query.limit) return found;
      }
    }
    return found;
  }

  async bytesOfKeys(keys: readonly string[], day: string): Promise<Map<string, KeyBytes>> {
    const bytes = new Map<string, KeyBytes>();
    for (let i = 0; i < keys.length; i += PAGE) {
      const some = keys.slice(i, i + PAGE);
      const fields = some.flatMap((key) => [`${key} ${day}`, key]);
      const values = await this.#connection.use((client) => client.hmGet(this.#names.keyBytes(monthOf(day)), fields));
      for (const [j, key] of some.entries()) {
        bytes.set(key, { day: Number(values[2 * j] ?? 0), month: Number(values[2 * j + 1] ?? 0) });
      }
    }
    return bytes;
  }

  /** Forgets days; months are kept whole for the budgets. */
  async forget(oldestDay: string): Promise<void> {
    for (const day of await this.#days({ to: oldestDay })) {
      if (day === oldestDay) continue;
      const names = [this.#names.usage(day), this.#names.counts(day)];
      if (monthOf(day) < monthOf(oldestDay)) names.push(this.#names.keyBytes(monthOf(day)));
      await this.#connection.use((client) => client.multi().unlink(names).zRem(this.#names.days, day).exec());
    }
  }

  #days({ from, to }: Pick<UsageQuery, 'from' | 'to'>): Promise<string[]> {
    const least = from === undefined ? '-' : `[${from}`;
    const most = to === undefined ? '+' : `[${to}`;
    return this.#connection.use((client) => client.zRangeByLex(this.#names.days, least, most));
  }

  /** What there is of a day and fits, in order, page by page. */
  async *#tuples(day: string, { key, user, label }: UsageQuery): AsyncGenerator<string[]> {
    const prefix = key === undefined ? undefined : tuplesOfKey(key);
    const most = prefix === undefined ? '+' : `(${prefix.slice(0, -1)}\x01`;
    let least = prefix === undefined ? '-' : `[${prefix}`;
    for (;;) {
      const after = least;
      const page = await this.#connection.use((client) =>
        client.zRangeByLex(this.#names.usage(day), after, most, { LIMIT: { offset: 0, count: PAGE } }),
      );
      const fitting = page.filter((tuple) => {
        const found = readUsageTuple(tuple);
        return (
          (key ?? found.key) === found.key &&
          (user ?? found.user) === found.user &&
          (label ?? found.label) === found.label
        );
      });
      if (fitting.length > 0) yield fitting;
      if (page.length < PAGE) return;
      least = `(${page.at(-1)}`;
    }
  }

  async #counted(day: string, tuples: readonly string[]): Promise<Usage[]> {
    const fields = tuples.flatMap((tuple) => [...letters].map((letter) => `${tuple}\0${letter}`));
    const values = await this.#connection.use((client) => client.hmGet(this.#names.counts(day), fields));
    return tuples.map((tuple, i) => {
      const counts = countNames.map((name, j) => [name, Number(values[i * countNames.length + j] ?? 0)]);
      return { day, ...readUsageTuple(tuple), ...(Object.fromEntries(counts) as Counts) };
    });
  }

  #run(script: string, { number, usage }: Batch, sign: 1 | -1): Promise<unknown> {
    const keys = [this.#names.writer(this.#writer), this.#names.days];
    const places = new Map<string, number>();
    for (const { day } of usage) {
      if (places.has(day)) continue;
      places.set(day, keys.length + 1);
      keys.push(this.#names.usage(day), this.#names.counts(day), this.#names.keyBytes(monthOf(day)));
    }
    const counts: string[] = [];
    const bytes = new Map<
      string,
      { readonly place: string; readonly key: string; readonly day: string; bytes: number }
    >();
    for (const one of usage) {
      const { day, key } = one;
      const place = String(places.get(day));
      counts.push(place, usageTuple(key, one.user, one.label));
      for (const name of countNames) counts.push(wholeText(sign * one[name]));
      const ofKey = bytes.get(`${key} ${day}`) ?? { place, key, day, bytes: 0 };
      ofKey.bytes += sign * (one.fromClientBytes + one.toClientBytes);
      bytes.set(`${key} ${day}`, ofKey);
    }
    const ofKeys = [...bytes.values()].flatMap((one) => [one.place, one.key, one.day, wholeText(one.bytes)]);
    const values = [String(3 + counts.length), ...counts, ...ofKeys];
    return runScript(this.#connection, script, keys, [String(number), ...values]);
  }
}

function monthOf(day: string): string {
  return day.slice(0, 7);
}

/** Digits only, however large it is. */
function wholeText(count: number): string {
  return BigInt(Math.round(count)).toString();
}
