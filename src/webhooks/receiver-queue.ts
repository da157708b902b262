import type { Clock, Timer } from '../client/clock.ts';
import type { RandomSource } from '../turn/random.ts';
import { Fifo } from './fifo.ts';
import type { PostOutcome, SignedPost } from './signed-post.ts';

export interface QueueOptions {
  /** How often one message is tried. */
  readonly attempts: number;
  /** How many messages may wait, those that are being sent included. */
  readonly queue: number;
}

/** What became of messages so far. A message may be retried several times before it is delivered or dropped. */
export interface QueueCounts {
  delivered: number;
  retried: number;
  dropped: number;
}

/** Requests at once to one receiver. */
const LANES = 16;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 300_000;

interface Message {
  readonly body: string;
  /** Counts up: the lowest is the oldest. */
  readonly number: number;
  attempts: number;
}

/** Messages that go out one after the other. */
interface Lane {
  readonly waiting: Fifo<Message>;
  /** The message whose turn it is. */
  current: Message | undefined;
  sending: boolean;
  /** Armed while the receiver is left alone after a failure. */
  pause: Timer | undefined;
  /** Failures since the last success. */
  failures: number;
}

/**
 * What waits for one receiver. Messages with the same subject go out in order, one after the other; others do not wait for
 * them: there are sixteen lanes, and the subject decides which. After a failure a lane pauses, for 1 s at first and then three
 * times as long each time, up to five minutes, so a receiver that is down costs next to nothing.
 */
export class ReceiverQueue {
  readonly counts: QueueCounts = { delivered: 0, retried: 0, dropped: 0 };
  readonly #post: SignedPost;
  readonly #options: QueueOptions;
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #failed: (why: string, dropped: boolean) => void;
  readonly #lanes: readonly Lane[] = Array.from({ length: LANES }, newLane);
  #number = 0;
  #queued = 0;
  #closing = false;
  #idle: (() => void) | undefined;

  /** @param failed called after each attempt that failed; `dropped` when it was the last. */
  constructor(
    post: SignedPost,
    options: QueueOptions,
    services: { readonly clock: Clock; readonly random: RandomSource },
    failed: (why: string, dropped: boolean) => void,
  ) {
    this.#post = post;
    this.#options = options;
    this.#clock = services.clock;
    this.#random = services.random;
    this.#failed = failed;
  }

  /** How many messages wait or are being sent. */
  get queued(): number {
    return this.#queued;
  }

  /** Takes in a message; the oldest that is not being sent goes when there are too many. */
  add(subject: string, body: string): void {
    if (this.#closing || (this.#queued >= this.#options.queue && !this.#dropOldest())) {
      this.counts.dropped++;
      return;
    }
    const lane = this.#lanes[laneOf(subject)]!;
    lane.waiting.push({ body, number: this.#number++, attempts: 0 });
    this.#queued++;
    this.#next(lane);
  }

  /** Tries once more what waits, for `milliseconds` at most, and gives up the rest. */
  async close(milliseconds: number): Promise<void> {
    this.#closing = true;
    for (const lane of this.#lanes) {
      lane.pause?.cancel();
      lane.pause = undefined;
      this.#next(lane);
    }
    if (this.#lanes.some(({ sending }) => sending)) {
      const deadline = this.#clock.schedule(milliseconds, () => this.#post.stop());
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
      deadline.cancel();
    }
    this.counts.dropped += this.#queued;
    this.#queued = 0;
  }

  #next(lane: Lane): void {
    if (lane.sending || lane.pause !== undefined) return;
    lane.current ??= lane.waiting.shift();
    if (lane.current !== undefined) void this.#send(lane, lane.current);
  }

  async #send(lane: Lane, message: Message): Promise<void> {
    lane.sending = true;
    message.attempts++;
    const outcome = await this.#post.send(message.body);
    lane.sending = false;
    const why = failureOf(outcome);
    if (why === undefined) {
      lane.failures = 0;
      this.#done(lane, 'delivered');
    } else if (!this.#post.stopped) {
      this.#attemptFailed(lane, message, why);
    }
    // At the end a receiver that does not take one message is not bothered with more.
    if (!this.#closing || why === undefined) this.#next(lane);
    if (this.#closing && !this.#lanes.some(({ sending }) => sending)) this.#idle?.();
  }

  #attemptFailed(lane: Lane, message: Message, why: string): void {
    lane.failures++;
    const last = this.#closing || message.attempts >= this.#options.attempts;
    if (last) this.#done(lane, 'dropped');
    else this.counts.retried++;
    this.#failed(why, last);
    // After a message that is given up, the next may fare better; if it does not, the pause is as long as it had become.
    if (last) return;
    lane.pause = this.#clock.schedule(this.#pauseMs(lane.failures), () => {
      lane.pause = undefined;
      this.#next(lane);
    });
  }

  /** Half of it is left to chance, so that the lanes, and many daemons, do not all come back at once. */
  #pauseMs(failures: number): number {
    const full = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 3 ** (failures - 1));
    return full / 2 + this.#random.below(full / 2 + 1);
  }

  #done(lane: Lane, result: 'delivered' | 'dropped'): void {
    lane.current = undefined;
    this.#queued--;
    this.counts[result]++;
  }

  /** False when all there is is being sent. */
  #dropOldest(): boolean {
    let oldest: Lane | undefined;
    for (const lane of this.#lanes) {
      const candidate = droppable(lane);
      if (candidate && (!oldest || candidate.number < droppable(oldest)!.number)) oldest = lane;
    }
    if (!oldest) return false;
    if (oldest.current !== undefined && !oldest.sending) oldest.current = undefined;
    else oldest.waiting.shift();
    this.#queued--;
    this.counts.dropped++;
    return true;
  }
}

function newLane(): Lane {
  return { waiting: new Fifo(), current: undefined, sending: false, pause: undefined, failures: 0 };
}

/** The oldest message of a lane that is not being sent. */
function droppable({ current, sending, waiting }: Lane): Message | undefined {
  return current !== undefined && !sending ? current : waiting.first;
}

/** `undefined` when the receiver has taken the message. */
function failureOf(outcome: PostOutcome): string | undefined {
  if (outcome.kind === 'failed') return outcome.why;
  return outcome.status >= 200 && outcome.status < 300 ? undefined : `status ${outcome.status}`;
}

/** Any even spread will do (FNV-1a). */
function laneOf(subject: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < subject.length; i++) hash = Math.imul(hash ^ subject.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % LANES;
}
