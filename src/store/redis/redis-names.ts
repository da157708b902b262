/** The names of everything that is kept in Redis. */
export class RedisNames {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** A hash: keys as JSON by their id. */
  get keys(): string {
    return `${this.#prefix}keys`;
  }
  /** A hash: static users as JSON by their name. */
  get users(): string {
    return `${this.#prefix}users`;
  }
  /** A sorted set: `<kind>:<name>` by the time at which it ends. */
  get revocations(): string {
    return `${this.#prefix}revocations`;
  }
  /** A stream: changes as JSON, numbered without a gap. */
  get changes(): string {
    return `${this.#prefix}changes`;
  }
  /** A hash: how many changes there have been, and the `epoch`, which is another one when Redis has lost its data. */
  get head(): string {
    return `${this.#prefix}changes:head`;
  }
  /** A sorted set: the days that there is usage of. */
  get days(): string {
    return `${this.#prefix}usage:days`;
  }
  /** A sorted set: what was counted on a day, in order. */
  usage(day: string): string {
    return `${this.#prefix}usage:${day}`;
  }
  /** A hash: the counts of a day. */
  counts(day: string): string {
    return `${this.#prefix}usage:${day}:counts`;
  }
  /** A hash: bytes of each key on each day of a month, and in all of it. */
  keyBytes(month: string): string {
    return `${this.#prefix}key-bytes:${month}`;
  }
  /** A hash: which batch of usage a daemon has written last. */
  writer(id: string): string {
    return `${this.#prefix}usage-writer:${id}`;
  }
  /** A set: the ids of the daemons that share quotas. */
  get daemons(): string {
    return `${this.#prefix}daemons`;
  }
  /** A hash: how many allocations of each user a daemon has. It expires when the daemon is gone. */
  held(daemon: string): string {
    return `${this.#prefix}held:${daemon}`;
  }
}
