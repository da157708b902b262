import { Arrivals, type ArrivalsReport } from './arrivals.ts';
import { monotonicMicroseconds } from './monotonic-clock.ts';
import { TICK_MICROSECONDS } from './send-schedule.ts';
import { type Emit, Sender, type SendPlan, type SentReport } from './sender.ts';
import { readStamp, type Stamp } from './stamp.ts';
import type { Wire } from './wire.ts';

/** What to count. */
export interface Watch {
  readonly run: number;
  readonly lanes: number;
  /** Take packets in the moment they arrive, for exact latencies; else in ticks, which costs less. */
  readonly prompt: boolean;
}

/** Which station it is that sends. */
export interface LoadSource {
  readonly emit: Emit;
  /** See {@link Sender}. */
  readonly separateRounds: (lanes: number) => boolean;
  /** Called on each turn. */
  readonly tick: (nowMs: number) => void;
}

export interface LoadProgress {
  readonly sent: number;
  readonly delivered: number;
}

const RECEIVE_TICK_MS = 1;
const IDLE_MS = 10;
const LONGEST_PAUSE_MS = 5;

/** One loop that sends what is due, takes what has arrived, and sleeps in between. */
export class LoadLoop {
  readonly #wire: Wire;
  readonly #source: LoadSource;
  readonly #stamp: Stamp = { run: 0, lane: 0, sequence: 0, sentAt: 0 };
  #sender: Sender | undefined;
  #sent: ((report: SentReport) => void) | undefined;
  #watch: Watch | undefined;
  #arrivals = new Arrivals(0);
  #overflowsBefore = 0;
  #stopped = false;

  constructor(wire: Wire, source: LoadSource) {
    this.#wire = wire;
    this.#source = source;
  }

  get progress(): LoadProgress {
    return { sent: this.#sender?.sent ?? 0, delivered: this.#arrivals.delivered };
  }

  /** Turns until {@link stop}. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      const now = monotonicMicroseconds();
      this.#wire.receive();
      this.#source.tick(now / 1000);
      if (this.#sender && !this.#sender.step(now)) this.#finish(this.#sender);
      this.#wire.flush();
      await this.#pause();
    }
    this.#wire.closeAll();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Sends the packets of a plan, which begins now. */
  send(plan: SendPlan): Promise<SentReport> {
    const { emit, separateRounds } = this.#source;
    this.#sender = new Sender(plan, this.#wire, emit, separateRounds(plan.lanes), monotonicMicroseconds());
    return new Promise((resolve) => {
      this.#sent = resolve;
    });
  }

  /** Counts the packets of a run from now on. */
  watch(watch: Watch): void {
    this.#watch = watch;
    this.#arrivals = new Arrivals(watch.lanes);
    this.#overflowsBefore = this.#wire.overflows;
  }

  /** What has arrived; nothing is counted any more. */
  arrivals(): ArrivalsReport {
    this.#watch = undefined;
    return this.#arrivals.report(this.#wire.overflows - this.#overflowsBefore);
  }

  /** Takes a payload that arrived. */
  arrived(buffer: Buffer, start: number, end: number): void {
    const stamp = this.#stamp;
    if (!readStamp(buffer, start, end, stamp) || stamp.run !== this.#watch?.run) return;
    this.#arrivals.add(stamp.lane, stamp.sequence, monotonicMicroseconds() - stamp.sentAt);
  }

  #finish(sender: Sender): void {
    this.#wire.flush();
    this.#sender = undefined;
    this.#sent?.(sender.report());
  }

  #pause(): Promise<void> {
    const prompt = this.#watch?.prompt ?? false;
    if (this.#sender) {
      const wait = this.#sender.wait(monotonicMicroseconds());
      if (wait <= 0) return this.#wire.pause(0, prompt);
      const pause = prompt ? wait : Math.max(wait, TICK_MICROSECONDS);
      return this.#wire.pause(Math.min(pause / 1000, LONGEST_PAUSE_MS), prompt);
    }
    if (this.#watch && !prompt) return this.#wire.pause(RECEIVE_TICK_MS, false);
    return this.#wire.pause(IDLE_MS, true);
  }
}
