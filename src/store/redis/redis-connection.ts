import { createClient, ErrorReply } from '@redis/client';
import { StoreError } from '../store.ts';
import { redisFailure } from './redis-failure.ts';

/** How long an answer may take; a request that has to be answered within a second depends on it. */
const ANSWER_WITHIN_MS = 700;
/** How long it may take to connect, for which nobody waits but who starts. */
const CONNECT_WITHIN_MS = 3000;
/** Commands that may wait for their answers. */
const MOST_WAITING = 1000;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2000;

export type RedisClient = ReturnType<typeof newClient>;

/** One connection to Redis, which is made again for as long as it takes. Nothing waits for it: without it every use fails at once. */
export class RedisConnection {
  readonly #url: string;
  #client: RedisClient | undefined;
  #why = 'has not been reached yet.';
  #waiting = 0;
  #retryMs = FIRST_RETRY_MS;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  /** @throws StoreError when Redis does not answer. */
  static async open(url: string): Promise<RedisConnection> {
    const connection = new RedisConnection(url);
    const why = await connection.#connect();
    if (why !== undefined) throw connection.#error(why);
    return connection;
  }

  private constructor(url: string) {
    this.#url = url;
  }

  /**
   * Sends commands. Whether they were carried out is unknown when {@link UndecidedError} is thrown.
   *
   * @param blocksMilliseconds how much longer than usual the answer may take.
   * @throws StoreError
   */
  async use<T>(send: (client: RedisClient) => Promise<T>, blocksMilliseconds = 0): Promise<T> {
    const client = this.#client;
    if (client === undefined) throw this.#error(this.#why);
    if (this.#waiting >= MOST_WAITING) throw this.#error('is too slow: too much waits for it.');
    this.#waiting++;
    const limit = new TimeLimit(ANSWER_WITHIN_MS + blocksMilliseconds);
    try {
      return await Promise.race([send(client), limit.passed]);
    } catch (error) {
      if (error instanceof ErrorReply) throw this.#error(redisFailure(error));
      if (!isOfConnection(error)) throw error;
      const why = error instanceof LateError ? 'does not answer.' : redisFailure(error);
      this.#lost(client, why);
      throw new UndecidedError(this.#sentence(why));
    } finally {
      limit.clear();
      this.#waiting--;
    }
  }

  close(): void {
    this.#closed = true;
    this.#why = 'is not used any more: the store is closed.';
    clearTimeout(this.#retry);
    const client = this.#client;
    this.#client = undefined;
    if (client) destroy(client);
  }

  /** Why it did not succeed. */
  async #connect(): Promise<string | undefined> {
    const limit = new TimeLimit(CONNECT_WITHIN_MS);
    let client: RedisClient | undefined;
    try {
      client = newClient(this.#url);
      const connecting = client;
      client.on('error', (error: unknown) => this.#lost(connecting, redisFailure(error)));
      await Promise.race([client.connect(), limit.passed]);
      // It may be one that accepts connections and cannot serve yet.
      await Promise.race([client.ping(), limit.passed]);
      if (this.#closed) throw new LateError();
      this.#client = client;
      this.#retryMs = FIRST_RETRY_MS;
      return undefined;
    } catch (error) {
      if (client) destroy(client);
      return error instanceof LateError ? 'does not answer.' : redisFailure(error);
    } finally {
      limit.clear();
    }
  }

  #lost(client: RedisClient, why: string): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#why = why;
    destroy(client);
    this.#retryLater();
  }

  #retryLater(): void {
    this.#retry = setTimeout(async () => {
      const why = await this.#connect();
      if (this.#closed || why === undefined) return;
      this.#why = why;
      this.#retryLater();
    }, this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
  }

  #error(why: string): StoreError {
    return new StoreError(this.#sentence(why));
  }

  #sentence(why: string): string {
    return `Redis at ${URL.canParse(this.#url) ? new URL(this.#url).host : 'an address that is no URL'} ${why}`;
  }
}

/** Redis has been lost while it had commands to carry out: it may have done so, or may still. */
export class UndecidedError extends StoreError {}

class LateError extends Error {}

/** A time limit for a race. */
class TimeLimit {
  readonly passed: Promise<never>;
  #timer!: NodeJS.Timeout;

  constructor(milliseconds: number) {
    this.passed = new Promise((_, reject) => {
      // When this thread was what was slow, the answer is there already: it is read first.
      this.#timer = setTimeout(() => setImmediate(() => reject(new LateError())), milliseconds);
    });
    this.passed.catch(() => {});
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

/** Errors of sockets have a code, those of the client a name of their own; anything else is a bug of ours. */
function isOfConnection(error: unknown): boolean {
  return !(error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError);
}

function newClient(url: string) {
  return createClient({
    url,
    RESP: 2,
    // To connect again is our own affair: the client's way knows no limit for a server that accepts and then says nothing.
    socket: { connectTimeout: CONNECT_WITHIN_MS, reconnectStrategy: false },
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    name: 'taciturn',
  });
}

function destroy(client: RedisClient): void {
  try {
    client.destroy();
  } catch {
    // It had been closed already.
  }
}
