import { clusterPackets, ProbeCluster } from './probe-cluster.ts';

/** The first clusters, as multiples of the start rate: libwebrtc's `first_exponential_probe_scale` and the second one. */
const FIRST_SCALES: readonly number[] = [3, 6];
/** Each further one, as a multiple of the last result: `further_exponential_probe_scale`. */
const FURTHER_SCALE = 2;
/** The search goes on while a cluster finds more than this part of what it asked for: `further_probe_threshold`. */
const FOUND = 0.7;

export interface ProbeSearchOptions {
  readonly startBitsPerSecond: number;
  readonly maxBitsPerSecond: number;
  readonly packetBytes: number;
}

/** Finds the order of magnitude of the bandwidth within a few round trips, by clusters of ever higher rates. */
export class ProbeSearch {
  readonly #options: ProbeSearchOptions;
  readonly #clusters = new Map<number, ProbeCluster>();
  #targets: number[];
  #lastId = 0;
  #repeated = false;
  #result: number | undefined;

  constructor(options: ProbeSearchOptions) {
    this.#options = options;
    const { startBitsPerSecond, maxBitsPerSecond } = options;
    this.#targets = FIRST_SCALES.map((scale) => Math.min(scale * startBitsPerSecond, maxBitsPerSecond));
    if (this.#targets[0] === this.#targets[1]) this.#targets.pop();
  }

  /** The cluster to send now; `undefined` while results are awaited, and when the search is over. */
  next(): ProbeCluster | undefined {
    const target = this.#targets.shift();
    if (target === undefined) return undefined;
    this.#lastId++;
    const cluster = new ProbeCluster(this.#lastId, target, clusterPackets(target, this.#options.packetBytes));
    this.#clusters.set(cluster.id, cluster);
    return cluster;
  }

  get isOver(): boolean {
    return this.#targets.length === 0 && this.#clusters.size === 0;
  }

  /** Bits a second that the last cluster found which found something. */
  get result(): number | undefined {
    return this.#result;
  }

  sent(cluster: number, sentAtMs: number, bytes: number): void {
    this.#clusters.get(cluster)?.sent(sentAtMs, bytes);
  }

  received(id: number, receivedAtMs: number, bytes: number): void {
    const cluster = this.#clusters.get(id);
    cluster?.received(receivedAtMs, bytes);
    if (cluster?.isOver) this.#conclude(cluster);
  }

  lost(id: number): void {
    const cluster = this.#clusters.get(id);
    cluster?.lost();
    if (cluster?.isOver) this.#conclude(cluster);
  }

  #conclude(cluster: ProbeCluster): void {
    this.#clusters.delete(cluster.id);
    const found = cluster.result();
    if (found !== undefined) this.#result = found;
    if (!this.isOver) return;
    const { maxBitsPerSecond } = this.#options;
    if (found === undefined) {
      if (!this.#repeated) this.#targets.push(cluster.bitsPerSecond);
      this.#repeated = true;
    } else if (found > FOUND * cluster.bitsPerSecond && cluster.bitsPerSecond < maxBitsPerSecond) {
      this.#repeated = false;
      this.#targets.push(Math.min(FURTHER_SCALE * found, maxBitsPerSecond));
    }
  }
}
