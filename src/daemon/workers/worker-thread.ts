import { Worker } from 'node:worker_threads';
import type { Bell } from '../../syscalls/poller.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';
import { revive } from './revive.ts';

const SCRIPT = new URL('./worker.js', import.meta.url);
/** How long a thread may take to end by itself. */
const STOP_PATIENCE_MS = 3000;

export interface WorkerThreadEvents {
  received(message: Extract<FromWorker, { kind: 'events' | 'trouble' | 'released' | 'ask-admission' }>): void;
  /** The thread has ended although nobody had told it to. */
  died(why: string): void;
}

/** A running worker, as the main thread sees it. */
export class WorkerThread {
  /** Resolves when the thread serves clients; rejects when it ends before that. */
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #bell: Bell;
  readonly #events: WorkerThreadEvents;
  readonly #questions = new Map<number, (answer: unknown) => void>();
  readonly #ended: Promise<void>;
  #nextQuestion = 1;
  #stopping = false;
  #hasEnded = false;
  #why = 'it ended by itself';
  #poller: number | undefined;

  /** @param script what the thread runs. */
  constructor(start: WorkerStart, bell: Bell, events: WorkerThreadEvents, script = SCRIPT) {
    this.#bell = bell;
    this.#events = events;
    this.#worker = new Worker(script, { workerData: start, name: `udp-${start.index}` });
    this.#worker.on('error', (error: Error) => {
      this.#why = error.stack ?? String(error);
    });
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: FromWorker) => {
        if (message.kind === 'ready') {
          this.#poller = message.poller;
          resolve();
        } else {
          this.#receive(message);
        }
      });
      this.#worker.on('exit', () => reject(new Error(this.#why)));
    });
    this.ready.catch(() => {});
    this.#ended = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        this.#hasEnded = true;
        // A thread that ends in order closes it.
        if (code === 0) this.#poller = undefined;
        for (const answer of this.#questions.values()) answer(undefined);
        this.#questions.clear();
        resolve();
        if (!this.#stopping) events.died(this.#why);
      });
    });
  }

  /** Whether the thread is no more; nothing that is sent to it is read. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The descriptor that a dead thread waited at, for whoever closes it; given away once. */
  takePoller(): number | undefined {
    const poller = this.#poller;
    this.#poller = undefined;
    return poller;
  }

  send(message: ToWorker): void {
    this.#worker.postMessage(message);
    this.#bell.ring();
  }

  /** Resolves with what the thread answers, or with `undefined` when it ends instead or has ended. */
  ask(question: Extract<ToWorker, { kind: 'ask' }>['question'], about: unknown): Promise<unknown> {
    if (this.#hasEnded) return Promise.resolve(undefined);
    const number = this.#nextQuestion++;
    return new Promise((resolve) => {
      this.#questions.set(number, resolve);
      this.send({ kind: 'ask', number, question, about });
    });
  }

  /** Ends the thread with all its allocations. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.send({ kind: 'stop' });
    const timer = setTimeout(() => void this.kill(), STOP_PATIENCE_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Ends the thread wherever it is: as a fault in it would. */
  async kill(): Promise<void> {
    const terminated = this.#worker.terminate();
    this.#bell.ring();
    await terminated;
  }

  #receive(message: Exclude<FromWorker, { kind: 'ready' }>): void {
    if (message.kind !== 'answer') {
      this.#events.received(message);
      return;
    }
    this.#questions.get(message.number)?.(revive(message.value));
    this.#questions.delete(message.number);
  }
}
