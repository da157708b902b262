/** What waits, first in, first out. Taking the first is cheap however many there are. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  /** How many at the front of the list are gone already. */
  #gone = 0;

  get length(): number {
    return this.#items.length - this.#gone;
  }

  get first(): T | undefined {
    return this.#items[this.#gone];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#gone];
    // What is gone must not be kept alive until the list is cut.
    this.#items[this.#gone] = undefined;
    this.#gone++;
    if (this.#gone > 32 && this.#gone * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#gone);
      this.#gone = 0;
    }
    return item;
  }
}
