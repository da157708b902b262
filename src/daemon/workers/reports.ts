import { describeEvent, type EventRecord } from '../../telemetry/event-record.ts';
import { FloodGuard } from '../../telemetry/flood-guard.ts';
import type { ServerEvent } from '../../turn/output.ts';
import type { Instant } from '../../turn/time.ts';
import type { FromWorker } from './messages.ts';

/** More than the log takes. Strangers can cause refusals by the million, and one thread reads what all workers tell. */
const toldRefusals = { perSecond: 20, burst: 50 };
const TROUBLES_EVERY_MS = 200;
/** Under load events gather for so long: the main thread reads ten in one message in the time of three alone. */
const EVENTS_EVERY_MS = 5;

type Trouble = Omit<Extract<FromWorker, { kind: 'trouble' }>, 'kind'>;

/** What a worker has to tell of its clients and sockets, gathered until it is sent. */
export class Reports {
  readonly #tell: (message: FromWorker) => void;
  readonly #refusals: FloodGuard;
  #events: EventRecord[] = [];
  #eventsToldAt = Number.NEGATIVE_INFINITY;
  #isUrgent = false;
  readonly #troubles = new Map<string, Trouble>();
  #troublesToldAt = Number.NEGATIVE_INFINITY;

  constructor(tell: (message: FromWorker) => void, now: Instant) {
    this.#tell = tell;
    this.#refusals = new FloodGuard(now, toldRefusals);
  }

  /** Everything that becomes of allocations is told; refusals only so many, and how many more there were. */
  event(event: ServerEvent, now: Instant): void {
    const omitted = event.kind === 'request-refused' ? this.#refusals.admit(now) : 0;
    if (omitted === undefined) return;
    this.#events.push(describeEvent(event, omitted));
    this.#isUrgent ||= givesPlaceBack(event);
  }

  /** In how many milliseconds {@link send} has events to send; infinity while there are none. */
  dueIn(now: Instant): number {
    if (this.#events.length === 0) return Number.POSITIVE_INFINITY;
    return this.#isUrgent ? 0 : this.#eventsToldAt + EVENTS_EVERY_MS - now;
  }

  /** A socket did not do what it should. */
  trouble(what: string, why: string | undefined): void {
    const key = `${what} ${why}`;
    this.#troubles.set(key, { what, why, times: (this.#troubles.get(key)?.times ?? 0) + 1 });
  }

  /** Sends events, at once unless the last ones were just sent; troubles not too often. */
  send(now: Instant): void {
    if (this.dueIn(now) <= 0) this.sendEvents(now);
    if (this.#troubles.size === 0 || now < this.#troublesToldAt + TROUBLES_EVERY_MS) return;
    for (const trouble of this.#troubles.values()) this.#tell({ kind: 'trouble', ...trouble });
    this.#troubles.clear();
    this.#troublesToldAt = now;
  }

  /** Sends all events that there are. */
  sendEvents(now: Instant): void {
    if (this.#events.length === 0) return;
    this.#tell({ kind: 'events', events: this.#events });
    this.#events = [];
    this.#eventsToldAt = now;
    this.#isUrgent = false;
  }
}

/** Whoever admits allocations of all workers counts by these events: the client may come again at once, to another worker. */
function givesPlaceBack(event: ServerEvent): boolean {
  return event.kind === 'admission-unused' || (event.kind === 'allocation-ended' && event.allocation.admitted);
}
