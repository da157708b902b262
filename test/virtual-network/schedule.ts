import { type Instant, instant, type Time, unixSeconds } from '../../src/turn/time.ts';

interface Entry {
  readonly at: number;
  /** Entries of the same moment run in the order in which they were made. */
  readonly order: number;
  readonly run: () => void;
}

/** What the wall clock of the virtual world shows when its monotonic clock shows 0. */
const UNIX_AT_ZERO = 1_800_000_000;

/** Virtual time: what is to happen, and the moment that it is. Nothing here ever waits. */
export class Schedule {
  #now = 0;
  #order = 0;
  readonly #heap: Entry[] = [];

  /** Milliseconds since the virtual world began. */
  get now(): Instant {
    return instant(this.#now);
  }

  /** Both clocks at this moment. */
  get time(): Time {
    return { instant: instant(this.#now), unix: unixSeconds(UNIX_AT_ZERO + this.#now / 1000) };
  }

  /** How much is still to happen. */
  get pending(): number {
    return this.#heap.length;
  }

  /** Has `run` called in `milliseconds` from now. */
  after(milliseconds: number, run: () => void): void {
    this.at(this.#now + milliseconds, run);
  }

  at(moment: number, run: () => void): void {
    const heap = this.#heap;
    const entry = { at: Math.max(moment, this.#now), order: this.#order++, run };
    let place = heap.push(entry) - 1;
    for (let parent = (place - 1) >> 1; place > 0 && before(entry, heap[parent]!); parent = (place - 1) >> 1) {
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = entry;
  }

  /** Lets everything happen that is due now. */
  settle(): void {
    this.#runUntil(this.#now);
  }

  /** Moves on by this many milliseconds; everything on the way happens at its time. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    this.#runUntil(end);
    this.#now = end;
  }

  /** Moves on to the next thing that happens; false when nothing is left. */
  step(): boolean {
    const next = this.#take();
    if (next === undefined) return false;
    this.#now = next.at;
    next.run();
    return true;
  }

  #runUntil(end: number): void {
    while (this.#heap.length > 0 && this.#heap[0]!.at <= end) this.step();
  }

  #take(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    let place = 0;
    for (let child = 1; child < heap.length; child = 2 * place + 1) {
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
    return first;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
