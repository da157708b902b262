import { isDeepStrictEqual } from 'node:util';
import { AdmissionCallback } from '../access/admission-callback.ts';
import { systemClock } from '../client/clock.ts';
import type { Configuration } from '../config/settings.ts';
import type { Log } from '../telemetry/log.ts';
import type { WebhookFigures } from '../telemetry/service-metrics.ts';
import type { AdmissionCandidate } from '../turn/admission.ts';
import type { WebhookEvent } from '../webhooks/webhook-message.ts';
import { Webhooks } from '../webhooks/webhooks.ts';
import { systemRandom } from './system-random.ts';
import { readTime } from './system-time.ts';

type Counts = Readonly<Record<string, number>>;

/** The operator's own services: the one that is asked about allocations, and those that are told what happens. */
export class OutwardServices {
  readonly #log: Log;
  #configuration: Configuration;
  #callback: AdmissionCallback | undefined;
  #webhooks: Webhooks;
  /** Those of configurations of before, that have their last chance. */
  readonly #closing = new Set<Webhooks>();
  /** What became of messages and questions under configurations of before. */
  #past: Counts = {};
  #pastAnswers: Counts = {};

  constructor(configuration: Configuration, log: Log) {
    this.#log = log;
    this.#configuration = configuration;
    this.#callback = this.#newCallback(configuration);
    this.#webhooks = this.#newWebhooks(configuration);
  }

  /** Whether somebody is asked about allocations. */
  get isAsked(): boolean {
    return this.#callback !== undefined;
  }

  /** Whether an allocation may be, as far as the service is concerned. */
  ask(question: AdmissionCandidate): Promise<boolean> {
    return this.#callback?.ask(question) ?? Promise.resolve(true);
  }

  tell(event: WebhookEvent): void {
    this.#webhooks.tell(event);
  }

  get webhookFigures(): WebhookFigures {
    const all = [this.#webhooks, ...this.#closing];
    const counts = all.reduce((sum: Counts, webhooks) => add(sum, { ...webhooks.counts }), this.#past);
    const { delivered = 0, retried = 0, dropped = 0 } = counts;
    return { delivered, retried, dropped, queued: all.reduce((sum, { queued }) => sum + queued, 0) };
  }

  /** How questions were decided. */
  get callbackFigures(): Counts {
    return add(this.#pastAnswers, this.#callback?.counts ?? {});
  }

  /**
   * Goes on with other settings. What is not changed by them is left alone: answers are remembered, and messages wait on. What
   * waits for receivers of before has a last chance.
   */
  configure(configuration: Configuration): void {
    const before = this.#configuration;
    this.#configuration = configuration;
    if (!isDeepStrictEqual(before.admission, configuration.admission)) this.#replaceCallback(configuration);
    const webhooks = (of: Configuration) => [of.webhooks, of.log.addresses];
    if (!isDeepStrictEqual(webhooks(before), webhooks(configuration))) this.#replaceWebhooks(configuration);
  }

  async close(): Promise<void> {
    this.#callback?.close();
    await this.#webhooks.close();
  }

  #replaceCallback(configuration: Configuration): void {
    this.#callback?.close();
    this.#pastAnswers = this.callbackFigures;
    this.#callback = this.#newCallback(configuration);
  }

  #replaceWebhooks(configuration: Configuration): void {
    const closing = this.#webhooks;
    this.#webhooks = this.#newWebhooks(configuration);
    this.#closing.add(closing);
    void closing.close().then(() => {
      this.#closing.delete(closing);
      this.#past = add(this.#past, { ...closing.counts });
    });
  }

  #newCallback({ admission }: Configuration): AdmissionCallback | undefined {
    const { url, secret, timeoutMilliseconds: timeoutMs, cacheSeconds, whenUnavailable } = admission;
    if (url === undefined || secret === undefined) return undefined;
    return new AdmissionCallback({ url, secret, timeoutMs, cacheSeconds, whenUnavailable }, this.#services());
  }

  #newWebhooks({ webhooks, log }: Configuration): Webhooks {
    const { secret = '', timeoutMilliseconds: timeoutMs, ...rest } = webhooks;
    const options = { ...rest, secret, timeoutMs, addresses: log.addresses };
    return new Webhooks(options, { ...this.#services(), random: systemRandom });
  }

  #services() {
    return { clock: systemClock, unixNow: () => readTime().unix, fetch, log: this.#log };
  }
}

function add(past: Counts, counts: Readonly<Record<string, number>>): Counts {
  const sum: Record<string, number> = { ...past };
  for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
