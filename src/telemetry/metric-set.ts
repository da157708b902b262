import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Values of one label with a figure each; without a label, one entry with an empty name. */
export type Figures = Iterable<readonly [string, number]>;

/** Metrics whose figures are kept elsewhere, and read when they are asked for. */
export class MetricSet {
  readonly #registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text exposition format. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  gauge(name: string, help: string, read: () => number): void {
    this.gauges(name, help, undefined, () => [['', read()]]);
  }

  gauges(name: string, help: string, label: string | undefined, read: () => Figures): void {
    new Gauge({
      ...this.#described(name, help, label),
      collect() {
        this.reset();
        for (const [labels, figure] of labelled(label, read())) this.set(labels, figure);
      },
    });
  }

  counter(name: string, help: string, read: () => number): void {
    this.counters(name, help, undefined, () => [['', read()]]);
  }

  counters(name: string, help: string, label: string | undefined, read: () => Figures): void {
    new Counter({
      ...this.#described(name, help, label),
      collect() {
        // The totals are kept elsewhere; the collector only shows them.
        this.reset();
        for (const [labels, count] of labelled(label, read())) this.inc(labels, count);
      },
    });
  }

  /** A counter that is kept here. */
  ownCounter<Label extends string>(name: string, help: string, labels: readonly Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames: labels, registers: [this.#registry] });
  }

  /** Durations that are kept here. */
  ownSeconds<Label extends string>(name: string, help: string, labels: readonly Label[]): Histogram<Label> {
    const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
    return new Histogram({ name, help, labelNames: labels, buckets, registers: [this.#registry] });
  }

  #described(name: string, help: string, label: string | undefined) {
    return { name, help, labelNames: label === undefined ? [] : [label], registers: [this.#registry] };
  }
}

function* labelled(label: string | undefined, figures: Figures): Generator<readonly [Record<string, string>, number]> {
  for (const [value, figure] of figures) yield [label === undefined ? {} : { [label]: value }, figure];
}
