import type { Instant } from './time.ts';

/** Everything that ends by itself. */
export type DeadlineKind = 'relayed-address' | 'permission' | 'channel' | 'reservation' | 'peer-connection';

/** A point in time at which `owner` is due. It is in the queue at most once. */
export class Deadline<Kind extends DeadlineKind = DeadlineKind, Owner = unknown> {
  readonly kind: Kind;
  readonly owner: Owner;
  at = Number.POSITIVE_INFINITY as Instant;
  /** Place in the queue's heap; -1 when not queued. Only the queue writes it. */
  place = -1;

  constructor(kind: Kind, owner: Owner) {
    this.kind = kind;
    this.owner = owner;
  }
}

/** All deadlines of a server, the next one first: a binary heap in which every deadline knows its place. */
export class DeadlineQueue<D extends Deadline> {
  readonly #heap: D[] = [];

  /** When the next deadline is due; infinity when there is none. */
  get next(): Instant {
    return this.#heap.length > 0 ? this.#heap[0]!.at : (Number.POSITIVE_INFINITY as Instant);
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Queues a deadline, or moves it when it is queued already. */
  set(deadline: D, at: Instant): void {
    deadline.at = at;
    if (deadline.place < 0) {
      deadline.place = this.#heap.length;
      this.#heap.push(deadline);
    }
    this.#settle(deadline);
  }

  /** Takes a deadline out; harmless when it is not queued. */
  clear(deadline: D): void {
    const place = deadline.place;
    if (place < 0) return;
    deadline.place = -1;
    const last = this.#heap.pop()!;
    if (last === deadline) return;
    this.#put(last, place);
    this.#settle(last);
  }

  /** Takes out and returns the next deadline if it is due at `now`. */
  takeDue(now: Instant): D | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.clear(first);
    return first;
  }

  #settle(deadline: D): void {
    let place = deadline.place;
    for (let parent = (place - 1) >> 1; place > 0 && this.#heap[parent]!.at > deadline.at; parent = (place - 1) >> 1) {
      this.#put(this.#heap[parent]!, place);
      place = parent;
    }
    for (let child = 2 * place + 1; child < this.#heap.length; child = 2 * place + 1) {
      if (child + 1 < this.#heap.length && this.#heap[child + 1]!.at < this.#heap[child]!.at) child++;
      if (this.#heap[child]!.at >= deadline.at) break;
      this.#put(this.#heap[child]!, place);
      place = child;
    }
    this.#put(deadline, place);
  }

  #put(deadline: D, place: number): void {
    this.#heap[place] = deadline;
    deadline.place = place;
  }
}
