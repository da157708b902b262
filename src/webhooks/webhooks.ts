import type { AddressDetail } from '../telemetry/address-display.ts';
import { FloodGuard } from '../telemetry/flood-guard.ts';
import type { Log } from '../telemetry/log.ts';
import type { RandomSource } from '../turn/random.ts';
import { instant } from '../turn/time.ts';
import { type QueueCounts, type QueueOptions, ReceiverQueue } from './receiver-queue.ts';
import { type PostServices, SignedPost } from './signed-post.ts';
import { dataOf, subjectOf, type WebhookEvent, type WebhookEventName } from './webhook-message.ts';

/** The section `webhooks` of the configuration, with its secret. */
export interface WebhookOptions extends QueueOptions {
  readonly urls: readonly string[];
  readonly secret: string;
  readonly events: readonly WebhookEventName[];
  readonly timeoutMs: number;
  /** How much of the address of a client is told. */
  readonly addresses: AddressDetail;
}

export interface WebhookServices extends PostServices {
  readonly random: RandomSource;
  readonly log: Pick<Log, 'warn'>;
}

/** How long what waits has when the daemon stops. */
const LAST_CHANCE_MS = 2000;
/** Of one receiver: its trouble is in the metrics as well. */
const usualWarnings = { perSecond: 1 / 60, burst: 5 };

/**
 * Tells services of the operator what happens, as `{ id, event, at, data }`. What cannot be delivered is tried again and
 * dropped in the end; nothing here waits for it, throws or grows without bounds.
 */
export class Webhooks {
  readonly #options: WebhookOptions;
  readonly #services: WebhookServices;
  readonly #events: ReadonlySet<WebhookEventName>;
  readonly #queues: readonly ReceiverQueue[];

  constructor(options: WebhookOptions, services: WebhookServices) {
    this.#options = options;
    this.#services = services;
    this.#events = new Set(options.events);
    this.#queues = [...new Set(options.urls)].map((url) => this.#queueFor(url));
  }

  /** How many messages wait or are being sent, over all receivers. */
  get queued(): number {
    return this.#queues.reduce((total, { queued }) => total + queued, 0);
  }

  /** What became of messages, over all receivers. */
  get counts(): Readonly<QueueCounts> {
    const total: QueueCounts = { delivered: 0, retried: 0, dropped: 0 };
    for (const { counts } of this.#queues) {
      total.delivered += counts.delivered;
      total.retried += counts.retried;
      total.dropped += counts.dropped;
    }
    return total;
  }

  /** Tells every receiver, some time. Returns at once. */
  tell(event: WebhookEvent): void {
    if (this.#queues.length === 0 || !this.#events.has(event.kind)) return;
    const { random, unixNow } = this.#services;
    const body = JSON.stringify({
      id: random.bytes(16).toString('base64url'),
      event: event.kind,
      at: new Date(unixNow() * 1000).toISOString(),
      data: dataOf(event, this.#options.addresses),
    });
    for (const queue of this.#queues) queue.add(subjectOf(event), body);
  }

  /** Takes in no more, and gives what waits a last chance of two seconds. */
  async close(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.close(LAST_CHANCE_MS)));
  }

  #queueFor(url: string): ReceiverQueue {
    const { secret, timeoutMs } = this.#options;
    const { clock, log } = this.#services;
    const post = new SignedPost({ url, secret, timeoutMs }, this.#services);
    const { receiver } = post;
    const guard = new FloodGuard(instant(clock.now()), usualWarnings);
    return new ReceiverQueue(post, this.#options, this.#services, (why, dropped) => {
      const suppressed = guard.admit(instant(clock.now()));
      if (suppressed === undefined) return;
      const facts = { event: 'webhook-failed', receiver, why, dropped, suppressed };
      log.warn(facts, `${receiver} has not taken a message: ${why}; ${dropped ? 'given up' : 'it is tried again'}`);
    });
  }
}
