import type { MetricSet } from './metric-set.ts';

/** What became of messages to webhooks. */
export interface WebhookFigures {
  readonly delivered: number;
  readonly retried: number;
  readonly dropped: number;
  readonly queued: number;
}

/**
 * Where the figures of the daemon's services come from. Each function is called for each rendering. What is left out is not
 * shown: what is not configured has no figures.
 */
export interface ServiceSources {
  readonly draining?: () => boolean;
  readonly workerDeaths?: () => number;
  readonly storeAvailable?: () => boolean;
  /** How many API keys there are. */
  readonly apiKeys?: () => number;
  /** How many static users there are, those of the configuration and of the store. */
  readonly staticUsers?: () => number;
  /** How many revocations are in force. */
  readonly revocations?: () => number;
  /** Rows of usage that the store does not have yet. */
  readonly usagePendingRows?: () => number;
  readonly usageFlushFailures?: () => number;
  /** Decisions about new allocations by verdict. */
  readonly admissions?: () => Readonly<Record<string, number>>;
  /** Questions to the admission callback, by how they were decided. */
  readonly admissionCallback?: () => Readonly<Record<string, number>>;
  readonly webhooks?: () => WebhookFigures;
  /** Records that the audit log could not keep. */
  readonly auditLost?: () => number;
}

/** Adds the metrics of what the daemon has beside its TURN servers. */
export function addServiceMetrics(metrics: MetricSet, sources: ServiceSources): void {
  const { draining, storeAvailable, webhooks, admissions, admissionCallback } = sources;
  const gauge = (name: string, help: string, read: (() => number) | undefined) => {
    if (read !== undefined) metrics.gauge(name, help, read);
  };
  const counter = (name: string, help: string, read: (() => number) | undefined) => {
    if (read !== undefined) metrics.counter(name, help, read);
  };

  gauge('taciturn_draining', '1 while no new allocations are taken', draining && (() => Number(draining())));
  counter('taciturn_worker_deaths_total', 'Worker threads that have died', sources.workerDeaths);

  const available = storeAvailable && (() => Number(storeAvailable()));
  gauge('taciturn_store_available', '1 while the store can be had', available);
  gauge('taciturn_api_keys', 'API keys', sources.apiKeys);
  gauge('taciturn_static_users', 'Static users', sources.staticUsers);
  gauge('taciturn_revocations', 'Revocations in force', sources.revocations);
  gauge('taciturn_usage_pending_rows', 'Rows of usage that are not stored yet', sources.usagePendingRows);
  counter('taciturn_usage_flush_failures_total', 'Failed attempts to store usage', sources.usageFlushFailures);

  const decisions = 'Decisions about new allocations, by verdict';
  if (admissions)
    metrics.counters('taciturn_admission_total', decisions, 'verdict', () => Object.entries(admissions()));
  const questions = 'Questions to the admission callback, by how they were decided';
  if (admissionCallback) {
    const results = () => Object.entries(admissionCallback());
    metrics.counters('taciturn_admission_callback_total', questions, 'result', results);
  }
  if (webhooks) {
    const messages = 'Messages to webhooks: delivered, tried once more, given up';
    metrics.counters('taciturn_webhooks_total', messages, 'result', () => {
      const { delivered, retried, dropped } = webhooks();
      return Object.entries({ delivered, retried, dropped });
    });
    gauge('taciturn_webhooks_queued', 'Messages to webhooks that wait or are being sent', () => webhooks().queued);
  }
  counter('taciturn_audit_lost_total', 'Records that the audit log could not keep', sources.auditLost);
}
