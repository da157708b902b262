import { Worker } from 'node:worker_threads';
import { StoreError } from '../store.ts';
import {
  monotonicMilliseconds,
  type SqliteArguments,
  type SqliteCall,
  type SqliteMethod,
  type SqliteReply,
  type SqliteResult,
  type SqliteWorkerData,
} from './sqlite-calls.ts';

/** Nothing translates TypeScript in a thread: from the sources, as in tests, it runs what was built. */
const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/store/sqlite/sqlite-worker.js' : './sqlite-worker.js',
  import.meta.url,
);
/** What is not done within this time is not done at all. Longer than SQLite waits for a lock. */
const CALL_LIMIT_MS = 4000;
/** How much longer to wait for the thread to say so. */
const GRACE_MS = 1000;
/** Calls that may wait for the thread. */
const MOST_WAITING = 1000;
const CLOSE_PATIENCE_MS = 3000;

interface Waiting {
  readonly timer: NodeJS.Timeout;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** The thread in which the database is, as seen from outside. */
export class SqliteThread {
  readonly #path: string;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  #nextNumber = 1;
  /** Why nothing can be asked any more. */
  #over: string | undefined;

  /**
   * Starts the thread and opens the database.
   *
   * @throws StoreError when it cannot be opened.
   */
  static async start(path: string): Promise<SqliteThread> {
    const worker = new Worker(SCRIPT, { workerData: { path } satisfies SqliteWorkerData, name: 'sqlite' });
    await new Promise<void>((resolve, reject) => {
      worker.once('message', (reply: SqliteReply) => {
        if (reply.kind === 'open') resolve();
        else if (reply.kind === 'not-open') reject(new StoreError(reply.why));
      });
      worker.once('error', reject);
      worker.once('exit', () => reject(new StoreError(`The thread for ${path} has ended before it began.`)));
    });
    return new SqliteThread(path, worker);
  }

  private constructor(path: string, worker: Worker) {
    this.#path = path;
    this.#worker = worker;
    let why = 'has ended';
    worker.on('error', (error: Error) => {
      why = `has died of ${error.message}`;
    });
    worker.on('message', (reply: SqliteReply) => this.#receive(reply));
    this.#ended = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#over ??= `The thread for ${path} ${why}.`;
        const error = new StoreError(this.#over);
        for (const number of [...this.#waiting.keys()]) this.#settle(number)?.reject(error);
        resolve();
      });
    });
  }

  /** Whether nothing can be asked any more. */
  get isOver(): boolean {
    return this.#over !== undefined;
  }

  /** Rejects with a {@link StoreError} when the database does not do it in time. */
  call<M extends SqliteMethod>(method: M, ...values: SqliteArguments<M>): Promise<SqliteResult<M>> {
    if (this.#over !== undefined) return Promise.reject(new StoreError(this.#over));
    if (this.#waiting.size >= MOST_WAITING) {
      return Promise.reject(new StoreError(`${this.#path} is too slow: too much waits for it.`));
    }
    const number = this.#nextNumber++;
    return new Promise((resolve, reject) => {
      const late = () => this.#settle(number)?.reject(new StoreError(`${this.#path} does not answer: check its disk.`));
      const timer = setTimeout(late, CALL_LIMIT_MS + GRACE_MS);
      const settled = { resolve: resolve as (value: unknown) => void, reject };
      this.#waiting.set(number, { timer, ...settled });
      const deadline = monotonicMilliseconds() + CALL_LIMIT_MS;
      this.#worker.postMessage({ number, method, values, deadline } satisfies SqliteCall);
    });
  }

  /** Closes the database and ends the thread. What still waits is done first. */
  async close(): Promise<void> {
    this.#over ??= `${this.#path} is closed.`;
    this.#worker.postMessage('close');
    const timer = setTimeout(() => void this.#worker.terminate(), CLOSE_PATIENCE_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Ends the thread wherever it is: as a fault in it would. */
  async kill(): Promise<void> {
    await this.#worker.terminate();
  }

  #receive(reply: SqliteReply): void {
    if (reply.kind === 'open' || reply.kind === 'not-open') return;
    const waiting = this.#settle(reply.number);
    if (reply.kind === 'done') waiting?.resolve(reply.value);
    else if (reply.kind === 'failed') waiting?.reject(new StoreError(reply.why));
    else waiting?.reject(new Error(reply.stack));
  }

  #settle(number: number): Waiting | undefined {
    const waiting = this.#waiting.get(number);
    clearTimeout(waiting?.timer);
    this.#waiting.delete(number);
    return waiting;
  }
}
