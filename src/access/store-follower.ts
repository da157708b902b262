import { setTimeout as pauseFor } from 'node:timers/promises';
import { type Change, type RevocationKind, type Store, StoreError } from '../store/store.ts';
import type { KnownAccess } from './known-access.ts';

/**
 * How long one question waits for a change. It is short because a store that hangs is only found out when a question fails,
 * and nothing shall be issued a second after that.
 */
const WAIT_MS = 100;
const RETRY_MS = 250;
/** With more keys changed at once, all of them are read. */
const SINGLE_KEYS = 50;
/** Looked at between two questions, so that a million are gone through in a few minutes at the longest. */
const SWEPT_AT_ONCE = 1_000;

/** Keeps what is known up to date with the store, and says whether the store can be had. */
export class StoreFollower {
  readonly #store: Store;
  readonly #known: KnownAccess;
  readonly #closing = new AbortController();
  readonly #pause: (milliseconds: number, signal: AbortSignal) => Promise<unknown>;
  #position = '';
  #available = true;
  #following: Promise<void> | undefined;

  constructor(store: Store, known: KnownAccess) {
    this.#store = store;
    this.#known = known;
    this.#pause = known.options.pause ?? ((milliseconds, signal) => pauseFor(milliseconds, undefined, { signal }));
  }

  /** Whether the store could be had when it was asked last. */
  get available(): boolean {
    return this.#available;
  }

  /** Reads everything, and follows the changes from then on. Rejects with a StoreError. */
  async start(): Promise<void> {
    this.#position = await this.#store.position();
    await this.#known.load(this.#store);
    this.#following = this.#follow();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#following;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#step();
        if (!signal.aborted) this.#setAvailable(true);
      } catch (error) {
        if (signal.aborted) return;
        const { message } = error as Error;
        if (error instanceof StoreError) this.#setAvailable(false, message);
        else this.#known.events.trouble('store-follower', message);
        await this.#pause(RETRY_MS, signal).catch(() => undefined);
      }
      this.#known.revocations.sweep(this.#known.options.now(), SWEPT_AT_ONCE);
    }
  }

  #setAvailable(available: boolean, why?: string): void {
    if (available === this.#available) return;
    this.#available = available;
    this.#known.events.availabilityChanged(available, why);
  }

  async #step(): Promise<void> {
    const after = await this.#store.changesAfter(this.#position, WAIT_MS);
    if (after === undefined) return await this.#readAnew();
    if (after.changes.length > 0) await this.#apply(after.changes);
    this.#position = after.position;
  }

  async #readAnew(): Promise<void> {
    // The position first: what changes while we read is read again, and does no harm.
    const position = await this.#store.position();
    await this.#known.reload(this.#store);
    this.#position = position;
  }

  async #apply(changes: readonly Change[]): Promise<void> {
    const known = this.#known;
    // What was revoked and at once restored shall not end anything, so only the last change of each counts.
    const revocations = new Map<string, Extract<Change, { kind: 'revocation' | 'unrevocation' }>>();
    const keys = new Set<string>();
    for (const change of changes) {
      if (change.kind === 'key') keys.add(change.id);
      else if (change.kind === 'revocation') revocations.set(nameOf(change.revocation), change);
      else if (change.kind === 'unrevocation') revocations.set(nameOf({ kind: change.of, name: change.name }), change);
    }
    for (const change of revocations.values()) {
      if (change.kind === 'revocation') known.revoke(change.revocation);
      else known.unrevoke(change.of, change.name);
    }
    await this.#readKeys(keys);
    if (changes.some(({ kind }) => kind === 'user')) known.replaceUsers(await this.#store.users());
  }

  async #readKeys(ids: ReadonlySet<string>): Promise<void> {
    const known = this.#known;
    if (ids.size > SINGLE_KEYS) {
      known.replaceKeys(await this.#store.keys());
      return;
    }
    for (const id of ids) {
      const key = await this.#store.key(id);
      if (key !== undefined) known.putKey(key);
      else known.dropKey(id);
    }
  }
}

function nameOf({ kind, name }: { readonly kind: RevocationKind; readonly name: string }): string {
  return `${kind}:${name}`;
}
