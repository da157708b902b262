import { describeEvent, type EventRecord } from '../../telemetry/event-record.ts';
import { FloodGuard } from '../../telemetry/flood-guard.ts';
import type { ServerEvent } from '../../turn/output.ts';
import type { Instant } from '../../turn/time.ts';
import type { FromWorker } from './messages.ts';

/** More than the log takes. Strangers can cause refusals by the million, and one thread reads what all workers tell. */
const toldRefusals = { perSecond: 20, burst: 50 };
const TROUBLES_EVERY_MS = 200;

type Trouble = Omit<Extract<FromWorker, { kind: 'trouble' }>, 'kind'>;

/** What a worker has to tell of its clients and sockets, gathered until it is sent. */
export class Reports {
  readonly #tell: (message: FromWorker) => void;
  readonly #refusals: FloodGuard;
  #events: EventRecord[] = [];
  readonly #troubles = new Map<string, Trouble>();
  #troublesToldAt = Number.NEGATIVE_INFINITY;

  constructor(tell: (message: FromWorker) => void, now: Instant) {
    this.#tell = tell;
    this.#refusals = new FloodGuard(now, toldRefusals);
  }

  /** Everything that becomes of allocations is told; refusals only so many, and how many more there were. */
  event(event: ServerEvent, now: Instant): void {
    const omitted = event.kind === 'request-refused' ? this.#refusals.admit(now) : 0;
    if (omitted !== undefined) this.#events.push(describeEvent(event, omitted));
  }

  /** A socket did not do what it should. */
  trouble(what: string, why: string | undefined): void {
    const key = `${what} ${why}`;
    this.#troubles.set(key, { what, why, times: (this.#troubles.get(key)?.times ?? 0) + 1 });
  }

  /** Sends events at once, troubles not too often. */
  send(now: Instant): void {
    if (this.#events.length > 0) {
      this.#tell({ kind: 'events', events: this.#events });
      this.#events = [];
    }
    if (this.#troubles.size === 0 || now < this.#troublesToldAt + TROUBLES_EVERY_MS) return;
    for (const trouble of this.#troubles.values()) this.#tell({ kind: 'trouble', ...trouble });
    this.#troubles.clear();
    this.#troublesToldAt = now;
  }
}
