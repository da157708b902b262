import { randomUUID } from 'node:crypto';
import type { Change, Changes } from '../store.ts';
import type { RedisConnection } from './redis-connection.ts';
import type { RedisNames } from './redis-names.ts';

/** How many changes are kept, nearly: who is further behind reads everything anew. */
const MOST_CHANGES = 100_000;
const CHANGES_AT_ONCE = 1000;
/** How long Redis is asked to wait at once: that it hangs is not seen before. */
const WAIT_AT_ONCE_MS = 100;

/**
 * The beginning of scripts that change something: `change(text)` writes it down. KEYS[1] is the stream, KEYS[2] its head;
 * ARGV[1] an epoch to use if there is none.
 */
export const changeScript = `
local function change(text)
  if redis.call('HSETNX', KEYS[2], 'epoch', ARGV[1]) == 1 then redis.call('DEL', KEYS[1]) end
  local number = redis.call('HINCRBY', KEYS[2], 'count', 1)
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ${MOST_CHANGES}, string.format('%d-1', number), 'change', text)
end
`;

const headScript = `
if redis.call('HSETNX', KEYS[2], 'epoch', ARGV[1]) == 1 then redis.call('DEL', KEYS[1]) end
return redis.call('HMGET', KEYS[2], 'epoch', 'count')
`;

/** What has been changed in Redis, by whomever. */
export class RedisChanges {
  readonly #names: RedisNames;
  readonly #main: RedisConnection;
  readonly #waiting: RedisConnection;

  /** @param waiting a connection for this alone: while it waits for a change, it can do nothing else. */
  constructor(names: RedisNames, main: RedisConnection, waiting: RedisConnection) {
    this.#names = names;
    this.#main = main;
    this.#waiting = waiting;
  }

  /**
   * Changes something and writes it down in one step.
   *
   * @param script follows {@link changeScript}; what it is given comes after KEYS[2] and ARGV[1].
   */
  change(script: string, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    return this.#run(changeScript + script, keys, values);
  }

  async position(): Promise<string> {
    const [epoch, count] = (await this.#run(headScript, [], [])) as [string, string | null];
    return `${epoch} ${count ?? 0}`;
  }

  async after(position: string, waitMilliseconds: number): Promise<Changes | undefined> {
    const [epoch, seen] = position.split(' ') as [string, string];
    const after = Number(seen);
    const end = performance.now() + waitMilliseconds;
    for (;;) {
      const left = end - performance.now();
      const entries = await this.#read(after, Math.min(WAIT_AT_ONCE_MS, left));
      const [epochNow, count] = await this.#main.use((client) => client.hmGet(this.#names.head, ['epoch', 'count']));
      const total = Number(count ?? 0);
      if (epochNow !== epoch || total < after) return undefined;
      const [first] = entries;
      if (first !== undefined) {
        if (first.number !== after + 1) return undefined;
        return { changes: entries.map(({ change }) => change), position: `${epoch} ${after + entries.length}` };
      }
      if (total > after) {
        // Either it came between the two questions, or nothing of it is left.
        const late = await this.#read(after, 0);
        if (late.length === 0) return undefined;
      } else if (left <= 0) {
        return { changes: [], position };
      }
    }
  }

  /** @param waitMilliseconds not at all when it is no more than 0. */
  async #read(after: number, waitMilliseconds: number): Promise<{ number: number; change: Change }[]> {
    // To wait for 0 milliseconds would be for ever.
    const wait = waitMilliseconds > 0 ? { BLOCK: Math.ceil(waitMilliseconds) } : {};
    const streams = { key: this.#names.changes, id: `${after}-1` };
    const send = async (connection: RedisConnection) =>
      connection.use(
        (client) => client.xRead(streams, { COUNT: CHANGES_AT_ONCE, ...wait }),
        Math.max(0, waitMilliseconds),
      );
    const found = (await send(this.#waiting)) as StreamReply;
    return (found?.[0]?.messages ?? []).map(({ id, message }) => ({
      number: Number.parseInt(id, 10),
      change: JSON.parse(message.change) as Change,
    }));
  }

  #run(script: string, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    const { changes, head } = this.#names;
    return runScript(this.#main, script, [changes, head, ...keys], [randomUUID(), ...values]);
  }
}

type StreamReply =
  | readonly { readonly messages: readonly { readonly id: string; readonly message: { readonly change: string } }[] }[]
  | null;

/** Runs a Lua script: nobody else's commands come in between. */
export function runScript(
  connection: RedisConnection,
  script: string,
  keys: readonly string[],
  values: readonly string[],
): Promise<unknown> {
  // The client's own method for it would put all values on the stack.
  return connection.use((client) => client.sendCommand(['EVAL', script, String(keys.length), ...keys, ...values]));
}
