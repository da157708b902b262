import type { StoredApiKey } from '../../src/credentials/api-keys.ts';
import {
  type Change,
  type Changes,
  type KeyBytes,
  type Revocation,
  type RevocationKind,
  type SharedQuotas,
  type Store,
  type StoredUser,
  StoreError,
  type Usage,
  type UsageQuery,
} from '../../src/store/store.ts';
import { type UnixSeconds, unixSeconds } from '../../src/turn/time.ts';

/** What several daemons would have in common. */
export class MemoryData {
  readonly keys = new Map<string, StoredApiKey>();
  readonly users = new Map<string, StoredUser>();
  readonly revocations = new Map<string, Revocation>();
  readonly usage = new Map<string, Usage>();
  readonly quotas = new Map<object, Map<string, number>>();
  changes: Change[] = [];
  /** How many changes are not kept any more. */
  forgotten = 0;
  readonly #waiting = new Set<() => void>();

  changed(...changes: readonly Change[]): void {
    this.changes.push(...changes);
    for (const wake of this.#waiting) wake();
  }

  /** Forgets all changes, so that nobody can follow. */
  forgetChanges(): void {
    this.forgotten += this.changes.length + 1;
    this.changes = [];
    for (const wake of this.#waiting) wake();
  }

  /** Resolves at the next change, or after the time. */
  async nextChange(waitMilliseconds: number): Promise<void> {
    let wake = () => {};
    const changed = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const timer = setTimeout(wake, waitMilliseconds);
    this.#waiting.add(wake);
    await changed;
    this.#waiting.delete(wake);
    clearTimeout(timer);
  }
}

/** A store in memory. It can be made to fail as a real one does. */
export class MemoryStore implements Store {
  readonly kind = 'sqlite';
  readonly data: MemoryData;
  readonly sharedQuotas: SharedQuotas | undefined;
  /** The calls so far, by method. */
  readonly calls = new Map<string, number>();
  /** Asked before each call: whether it fails. */
  fails: (method: string) => boolean = () => false;

  constructor(data = new MemoryData(), options: { readonly sharesQuotas?: boolean } = {}) {
    this.data = data;
    this.sharedQuotas = options.sharesQuotas === true ? this.#quotas() : undefined;
  }

  async keys(): Promise<readonly StoredApiKey[]> {
    this.#called('keys');
    return [...this.data.keys.values()];
  }

  async key(id: string): Promise<StoredApiKey | undefined> {
    this.#called('key');
    return this.data.keys.get(id);
  }

  async addKey(key: StoredApiKey): Promise<boolean> {
    this.#called('addKey');
    return this.#addKey(key);
  }

  async addFirstKey(key: StoredApiKey): Promise<boolean> {
    this.#called('addFirstKey');
    return this.data.keys.size === 0 && this.#addKey(key);
  }

  async removeKey(id: string, revokedUntil: UnixSeconds): Promise<boolean> {
    this.#called('removeKey');
    if (!this.data.keys.delete(id)) return false;
    this.data.changed({ kind: 'key', id });
    this.#revoke({ kind: 'key', name: id, until: revokedUntil });
    return true;
  }

  async users(): Promise<readonly StoredUser[]> {
    this.#called('users');
    return [...this.data.users.values()];
  }

  async putUser(user: StoredUser): Promise<boolean> {
    this.#called('putUser');
    const isNew = !this.data.users.has(user.name);
    this.data.users.set(user.name, user);
    this.data.changed({ kind: 'user', name: user.name });
    return isNew;
  }

  async removeUser(name: string): Promise<boolean> {
    this.#called('removeUser');
    if (!this.data.users.delete(name)) return false;
    this.data.changed({ kind: 'user', name });
    return true;
  }

  async revocations(now: UnixSeconds): Promise<readonly Revocation[]> {
    this.#called('revocations');
    return [...this.data.revocations.values()].filter(({ until }) => until > now);
  }

  async revoke(revocation: Revocation, most: number, now: UnixSeconds): Promise<boolean> {
    this.#called('revoke');
    const { revocations } = this.data;
    if (!revocations.has(nameOf(revocation.kind, revocation.name)) && revocations.size >= most) {
      for (const [name, { until }] of revocations) if (until < now) revocations.delete(name);
      if (revocations.size >= most) return false;
    }
    this.#revoke(revocation);
    return true;
  }

  async unrevoke(kind: RevocationKind, name: string): Promise<boolean> {
    this.#called('unrevoke');
    if (!this.data.revocations.delete(nameOf(kind, name))) return false;
    this.data.changed({ kind: 'unrevocation', of: kind, name });
    return true;
  }

  async addUsage(usage: readonly Usage[]): Promise<void> {
    this.#called('addUsage');
    for (const row of usage) {
      const name = JSON.stringify([row.day, row.key, row.user, row.label]);
      const before = this.data.usage.get(name);
      this.data.usage.set(name, before === undefined ? row : sum(before, row));
    }
  }

  async usage({ from = '', to = '9', key, user, label, limit }: UsageQuery): Promise<readonly Usage[]> {
    this.#called('usage');
    const asked = [...this.data.usage.values()].filter(
      (row) =>
        row.day >= from &&
        row.day <= to &&
        (key === undefined || row.key === key) &&
        (user === undefined || row.user === user) &&
        (label === undefined || row.label === label),
    );
    const order = ({ day, key, user, label }: Usage) => [day, key, user, label].join('\n');
    return asked.sort((a, b) => (order(a) < order(b) ? -1 : 1)).slice(0, limit);
  }

  async bytesOfKeys(keys: readonly string[], day: string): Promise<ReadonlyMap<string, KeyBytes>> {
    this.#called('bytesOfKeys');
    const bytes = new Map<string, KeyBytes>();
    for (const row of this.data.usage.values()) {
      if (!keys.includes(row.key) || row.day.slice(0, 7) !== day.slice(0, 7)) continue;
      const more = row.fromClientBytes + row.toClientBytes;
      const known = bytes.get(row.key) ?? { day: 0, month: 0 };
      bytes.set(row.key, { day: known.day + (row.day === day ? more : 0), month: known.month + more });
    }
    return bytes;
  }

  async position(): Promise<string> {
    this.#called('position');
    return String(this.data.forgotten + this.data.changes.length);
  }

  async changesAfter(position: string, waitMilliseconds: number): Promise<Changes | undefined> {
    this.#called('changesAfter');
    const after = () => this.data.changes.slice(Number(position) - this.data.forgotten);
    const isKept = () => Number(position) >= this.data.forgotten;
    if (isKept() && after().length === 0) await this.data.nextChange(waitMilliseconds);
    this.#called('changesAfter');
    if (!isKept()) return undefined;
    return { changes: after(), position: String(this.data.forgotten + this.data.changes.length) };
  }

  async prune(now: UnixSeconds, oldestDay: string): Promise<void> {
    this.#called('prune');
    for (const [name, { until }] of this.data.revocations) if (until <= now) this.data.revocations.delete(name);
    for (const [name, { day }] of this.data.usage) if (day < oldestDay) this.data.usage.delete(name);
  }

  async close(): Promise<void> {}

  #called(method: string): void {
    this.calls.set(method, (this.calls.get(method) ?? 0) + 1);
    if (this.fails(method)) throw new StoreError('The store is away.');
  }

  #addKey(key: StoredApiKey): boolean {
    if (this.data.keys.has(key.id)) return false;
    this.data.keys.set(key.id, key);
    this.data.changed({ kind: 'key', id: key.id });
    return true;
  }

  #revoke(revocation: Revocation): void {
    const name = nameOf(revocation.kind, revocation.name);
    const until = unixSeconds(Math.max(revocation.until, this.data.revocations.get(name)?.until ?? 0));
    this.data.revocations.set(name, { ...revocation, until });
    this.data.changed({ kind: 'revocation', revocation: { ...revocation, until } });
  }

  #quotas(): SharedQuotas {
    const mine = new Map<string, number>();
    this.data.quotas.set(this, mine);
    const count = (user: string) =>
      [...this.data.quotas.values()].reduce((sum, held) => sum + (held.get(user) ?? 0), 0);
    return {
      enter: async (user, most) => {
        this.#called('enter');
        if (count(user) >= most) return false;
        mine.set(user, (mine.get(user) ?? 0) + 1);
        return true;
      },
      leave: async (user) => {
        this.#called('leave');
        mine.set(user, Math.max(0, (mine.get(user) ?? 0) - 1));
      },
      renew: async (held) => {
        this.#called('renew');
        mine.clear();
        for (const [user, count] of held) mine.set(user, count);
      },
    };
  }
}

function nameOf(kind: RevocationKind, name: string): string {
  return `${kind}:${name}`;
}

function sum(a: Usage, b: Usage): Usage {
  return {
    ...a,
    fromClientBytes: a.fromClientBytes + b.fromClientBytes,
    fromClientPackets: a.fromClientPackets + b.fromClientPackets,
    toClientBytes: a.toClientBytes + b.toClientBytes,
    toClientPackets: a.toClientPackets + b.toClientPackets,
    allocations: a.allocations + b.allocations,
  };
}
