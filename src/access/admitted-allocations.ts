/** An allocation, and what it counts against. */
export interface Place {
  readonly id: string;
  readonly user: string;
  readonly issuer: string | undefined;
  /** The index of the server that has it. */
  readonly server: number;
  /** Nobody has to be asked about it any more. */
  decided: boolean;
  /** The quota that the daemons share counts it. */
  counted: boolean;
  /** It has been taken out, perhaps while somebody was being asked about it. */
  gone: boolean;
}

/** The allocations that were admitted or are being decided about. Each is counted once, and given back once. */
export class AdmittedAllocations {
  readonly #most: number;
  readonly #places = new Map<string, Place>();
  readonly #byIssuer = new Map<string, number>();

  /** @param most how many there may be. */
  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#places.size;
  }

  /** Gives an allocation a place, unless its key has `mostOfIssuer` already. */
  enter(
    wish: Pick<Place, 'id' | 'user' | 'issuer' | 'server'>,
    mostOfIssuer = Number.POSITIVE_INFINITY,
  ): Place | 'key-quota' | 'denied' {
    if (this.#places.size >= this.#most || this.#places.has(wish.id)) return 'denied';
    const { issuer } = wish;
    if (issuer !== undefined) {
      const count = this.#byIssuer.get(issuer) ?? 0;
      if (count >= mostOfIssuer) return 'key-quota';
      this.#byIssuer.set(issuer, count + 1);
    }
    const place = { ...wish, decided: false, counted: false, gone: false };
    this.#places.set(wish.id, place);
    return place;
  }

  /** Takes an allocation out; `undefined` when it is not there, or another one than `only`. */
  take(id: string, only?: Place): Place | undefined {
    const place = this.#places.get(id);
    if (place === undefined || (only !== undefined && place !== only)) return undefined;
    place.gone = true;
    this.#places.delete(id);
    const { issuer } = place;
    if (issuer !== undefined) {
      const others = this.#byIssuer.get(issuer)! - 1;
      if (others > 0) this.#byIssuer.set(issuer, others);
      else this.#byIssuer.delete(issuer);
    }
    return place;
  }

  /** Takes out all of a server. */
  takeOf(server: number): Place[] {
    const meant = [...this.#places.values()].filter((place) => place.server === server);
    for (const { id } of meant) this.take(id);
    return meant;
  }

  /** How many each user has. From now on the quota that the daemons share counts them. */
  held(): ReadonlyMap<string, number> {
    const held = new Map<string, number>();
    for (const place of this.#places.values()) {
      if (!place.decided) continue;
      place.counted = true;
      held.set(place.user, (held.get(place.user) ?? 0) + 1);
    }
    return held;
  }
}
