import type { StoreEvents } from './open-store.ts';

/** What may be out of order. A full disk can be read all the same. */
export type Concern = 'connection' | 'reading' | 'writing';

/** Tells when the store can be had no more and when it can be had again: changes only. */
export class Availability {
  readonly #events: StoreEvents;
  readonly #outOfOrder = new Set<Concern>();

  constructor(events: StoreEvents) {
    this.#events = events;
  }

  failed(concern: Concern, why: string): void {
    const first = this.#outOfOrder.size === 0;
    this.#outOfOrder.add(concern);
    if (first) this.#events.available(false, why);
  }

  /** What has been written could have been read. */
  worked(concern: Concern): void {
    const changed = [this.#outOfOrder.delete(concern), concern === 'writing' && this.#outOfOrder.delete('reading')];
    if (changed.includes(true) && this.#outOfOrder.size === 0) this.#events.available(true);
  }
}
