import { clientSocketOptions } from '../../relay/batch/batch-plane.ts';
import type { TransportAddress } from '../../stun/ip-address.ts';
import { DatagramSockets, SystemCallError } from '../../syscalls/datagram-sockets.ts';
import type { Libc } from '../../syscalls/libc.ts';
import { Bell } from '../../syscalls/poller.ts';
import type { EventRecord } from '../../telemetry/event-record.ts';
import type { AdmissionCandidate } from '../../turn/admission.ts';
import type { SessionQuery, SessionSummary } from '../../turn/session-summary.ts';
import type { SharedTables } from '../../turn/shared/shared-tables.ts';
import type { UsageDelta } from '../../turn/usage-meter.ts';
import type { AdmissionCommand, LastingCommand, ServerCommand, ServerQuestions } from '../server-control.ts';
import type { WorkerListener, WorkerStart } from './messages.ts';
import { WorkerThread } from './worker-thread.ts';

/** A worker that keeps dying is started again ever more slowly. */
const FIRST_RESTART_MS = 100;
const LAST_RESTART_MS = 30_000;
const FORGIVEN_AFTER_MS = 60_000;

export interface WorkerPoolEvents {
  event(event: EventRecord): void;
  /** Somebody has to decide about an allocation of this server. */
  ask(candidate: AdmissionCandidate, server: number): void;
  trouble(what: string, why: string | undefined, times: number): void;
  /** A worker has died; its clients have lost their allocations, and another takes its place in `restartMs`. */
  died(index: number, why: string, restartMs: number): void;
}

export interface WorkerPoolOptions {
  /** How many threads; the indexes of their servers are 1 and up. */
  readonly count: number;
  readonly libc: Libc;
  readonly shared: SharedTables;
  readonly start: Omit<WorkerStart, 'index' | 'bell'>;
  readonly events: WorkerPoolEvents;
  /** What the threads run; for tests. */
  readonly script?: URL;
}

/** The place of one worker, which outlives the thread that fills it. */
interface Place {
  readonly index: number;
  readonly bell: Bell;
  /** The UDP sockets by the id of their listener. They stay open while a thread is replaced, so no client's flow moves. */
  readonly listeners: Map<number, WorkerListener>;
  thread: WorkerThread;
  startedAt: number;
  restartMs: number;
  restart?: NodeJS.Timeout;
}

/** The threads that serve UDP clients, and the sockets that they share. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #sockets: DatagramSockets;
  readonly #places: Place[] = [];
  /** The last command of each kind, for threads that start later. */
  readonly #commands = new Map<string, LastingCommand>();
  /** Sockets that are closed once their thread has let go of them, by listener id and place. */
  readonly #releasing = new Map<string, number>();
  #stopped = false;

  private constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#sockets = new DatagramSockets(options.libc);
  }

  /** Starts the threads; rejects when one does not come up. */
  static async start(options: WorkerPoolOptions): Promise<WorkerPool> {
    const pool = new WorkerPool(options);
    try {
      for (let index = 1; index <= options.count; index++) pool.#places.push(pool.#fill(index));
      await Promise.all(pool.#places.map(({ thread }) => thread.ready));
      return pool;
    } catch (error) {
      await pool.stop();
      throw error;
    }
  }

  get count(): number {
    return this.#places.length;
  }

  /**
   * Opens a socket for each worker at this address; the kernel shares the clients out. Port 0 takes a free one.
   *
   * @param id of the listener in every server.
   * @throws SystemCallError when the address cannot be had.
   */
  listenUdp(id: number, at: TransportAddress, zone?: string): { readonly local: TransportAddress; close(): void } {
    const descriptors = this.#openAll(at, zone);
    const local = must(this.#sockets.localAddress(descriptors[0]!));
    for (const [i, place] of this.#places.entries()) {
      const listener = { id, local, descriptor: descriptors[i]! };
      place.listeners.set(id, listener);
      place.thread.send({ kind: 'listen', listener });
    }
    return { local, close: () => this.#release(id) };
  }

  /** Tells every server; what lasts, those as well that start later. */
  command(command: ServerCommand): void {
    if (command.kind !== 'end' && command.kind !== 'admission') {
      const key = command.kind === 'set-relay-address' ? `${command.kind} ${command.family}` : command.kind;
      this.#commands.set(key, command);
    }
    for (const { thread } of this.#places) thread.send({ kind: 'command', command });
  }

  /** Answers one server that has asked; nothing happens when it is no more. */
  answer(server: number, command: AdmissionCommand): void {
    const thread = this.#places.find(({ index }) => index === server)?.thread;
    if (thread !== undefined && !thread.hasEnded) thread.send({ kind: 'command', command });
  }

  /** What each user has relayed since the last call. */
  async takeUsage(): Promise<UsageDelta[]> {
    const answers = await this.#askAll('usage', undefined);
    return answers.flatMap((answer) => (answer as UsageDelta[] | undefined) ?? []);
  }

  async sessions(query: SessionQuery): Promise<SessionSummary[]> {
    const answers = await this.#askAll('sessions', query);
    return answers.flatMap((answer) => (answer as SessionSummary[] | undefined) ?? []);
  }

  async session(id: string): Promise<SessionSummary | undefined> {
    const answers = await this.#askAll('session', id);
    return answers.find((answer) => answer !== undefined) as SessionSummary | undefined;
  }

  async endSession(id: string): Promise<boolean> {
    return (await this.#askAll('endSession', id)).includes(true);
  }

  /** Has all servers bring their figures up to date. */
  async publish(): Promise<void> {
    await this.#askAll('publish', undefined);
  }

  /** Ends one worker as a fault in it would: for tests. */
  async kill(index: number): Promise<void> {
    await this.#places.find((place) => place.index === index)?.thread.kill();
  }

  /** Ends all threads and closes their sockets. */
  async stop(): Promise<void> {
    this.#stopped = true;
    // Nothing is sent to a thread, and its bell is not rung, once it is on its way out.
    const places = this.#places.splice(0);
    await Promise.all(
      places.map(async (place) => {
        clearTimeout(place.restart);
        await place.thread.stop();
        this.#forget(place);
        for (const { descriptor } of place.listeners.values()) this.#sockets.close(descriptor);
        place.bell.close();
      }),
    );
    for (const descriptor of this.#releasing.values()) this.#sockets.close(descriptor);
  }

  #fill(index: number): Place {
    const bell = must(Bell.open(this.#options.libc));
    const place = { index, bell, listeners: new Map(), startedAt: performance.now(), restartMs: FIRST_RESTART_MS };
    return Object.assign(place, { thread: this.#startThread(place) });
  }

  #startThread(place: Pick<Place, 'index' | 'bell'>): WorkerThread {
    const { start, script, events } = this.#options;
    const { index, bell } = place;
    return new WorkerThread(
      { ...start, index, bell: bell.descriptor },
      bell,
      {
        received: (message) => {
          if (message.kind === 'events') for (const event of message.events) events.event(event);
          else if (message.kind === 'ask-admission') events.ask(message.candidate, index);
          else if (message.kind === 'trouble') events.trouble(message.what, message.why, message.times);
          else this.#released(index, message.id);
        },
        died: (why) => this.#died(index, why),
      },
      script,
    );
  }

  #died(index: number, why: string): void {
    const place = this.#places.find((one) => one.index === index);
    if (place === undefined || this.#stopped) return;
    this.#forget(place);
    const now = performance.now();
    if (now - place.startedAt > FORGIVEN_AFTER_MS) place.restartMs = FIRST_RESTART_MS;
    this.#options.events.died(index, why, place.restartMs);
    place.restart = setTimeout(() => this.#replace(place), place.restartMs);
    place.restartMs = Math.min(LAST_RESTART_MS, place.restartMs * 2);
  }

  /** A new thread takes over the sockets, and learns what the one before knew of the daemon. */
  #replace(place: Place): void {
    place.startedAt = performance.now();
    place.thread = this.#startThread(place);
    for (const listener of place.listeners.values()) place.thread.send({ kind: 'listen', listener });
    for (const command of this.#commands.values()) place.thread.send({ kind: 'command', command });
  }

  /** Gives back what a thread had that is no more. */
  #forget({ index, thread }: Place): void {
    this.#options.shared.forgetServer(index, (descriptor) => this.#sockets.close(descriptor));
    const poller = thread.takePoller();
    if (poller !== undefined) this.#sockets.close(poller);
    for (const [key, descriptor] of this.#releasing) {
      if (!key.startsWith(`${index} `)) continue;
      this.#sockets.close(descriptor);
      this.#releasing.delete(key);
    }
  }

  #release(id: number): void {
    for (const { index, listeners, thread } of this.#places) {
      const listener = listeners.get(id);
      if (listener === undefined) continue;
      listeners.delete(id);
      if (thread.hasEnded) {
        this.#sockets.close(listener.descriptor);
        continue;
      }
      this.#releasing.set(`${index} ${id}`, listener.descriptor);
      thread.send({ kind: 'release', id });
    }
  }

  #released(index: number, id: number): void {
    const key = `${index} ${id}`;
    const descriptor = this.#releasing.get(key);
    if (descriptor === undefined) return;
    this.#releasing.delete(key);
    this.#sockets.close(descriptor);
  }

  #openAll(at: TransportAddress, zone: string | undefined): number[] {
    const options = { ...clientSocketOptions, zone };
    // Sockets that share a port would also share it with another program's, without a word.
    const alone = must(this.#sockets.open(at, options));
    if (this.count === 1) return [alone];
    const { port } = must(this.#sockets.localAddress(alone));
    this.#sockets.close(alone);
    const descriptors: number[] = [];
    for (let i = 0; i < this.count; i++) {
      const descriptor = this.#sockets.open({ ip: at.ip, port }, { ...options, shared: true });
      if (descriptor instanceof SystemCallError) {
        for (const open of descriptors) this.#sockets.close(open);
        throw descriptor;
      }
      descriptors.push(descriptor);
    }
    return descriptors;
  }

  #askAll(question: keyof ServerQuestions, about: unknown): Promise<unknown[]> {
    return Promise.all(this.#places.map(({ thread }) => thread.ask(question, about)));
  }
}

function must<T>(value: T | SystemCallError): T {
  if (value instanceof SystemCallError) throw value;
  return value;
}
