import type { Bandwidth } from '../report.ts';
import { ArrivalLog } from './arrival-log.ts';
import { type BusyPeriod, BusyPeriods } from './busy-periods.ts';
import { CongestionWatch } from './congestion-watch.ts';
import { goodput } from './goodput.ts';
import { Interruptions } from './interruptions.ts';
import { LossRule } from './loss-rule.ts';
import { PacketHistory } from './packet-history.ts';
import { ProbeSearch } from './probe-search.ts';
import { RateControl } from './rate-control.ts';
import type { SendPlan, SentPacket } from './send-plan.ts';

export type { SendPlan, SentPacket } from './send-plan.ts';

export interface EstimatorOptions {
  /** Nothing is sent faster than this, and the estimate is never above it. */
  readonly maxBitsPerSecond: number;
  /** What the first probes are multiples of; 300 kbit/s by default. */
  readonly startBitsPerSecond?: number;
  /**
   * How long to measure, in milliseconds, from the first `plan`; 4000 by default. In less than 3000 a path of 20 Mbit/s that is 150 ms
   * long is not filled: the figure is then too low, and limited by time.
   */
  readonly durationMs?: number;
  /** The size of the packets that will be sent, in bytes of relayed payload; 1200 by default. */
  readonly packetBytes?: number;
}

const DEFAULTS = { startBitsPerSecond: 300_000, durationMs: 4000, packetBytes: 1200 };
/** Between clusters this part of what is known is sent, which keeps the clock of the measurement going and lets queues drain. */
const BETWEEN_CLUSTERS = 0.5;
/** The clusters may take this part of the time. */
const LONGEST_SEARCH = 0.5;
/** A busy period that lasts longer is looked at in parts, so that a path that changes is followed. */
const LONGEST_PART_MS = 1000;
/**
 * A queue that after such a part is not shorter than this share of its peak, though less was sent, is not ours to empty: another
 * flow keeps it full, or the path has become longer.
 */
const SHRUNK = 0.8;
/** Beside a flow that takes whatever we leave, the rate does not fall below this share of what was received at first. */
const LEAST_OF_RECEIVED = 0.7;
/**
 * A busy period with less than this part of what was found before is doubted: the path may have become slower, but a machine that
 * stood still, with the relay or with us, looks the same. Where it was us, which shows, less of a difference is doubted. What the path
 * carries is then tried again from a part of the figure before.
 */
const DOUBTFUL = { usually: 0.7, heldUp: 0.9 };
const RETRIED = 0.8;
/** Nobody has asked for the plan for so long: this program was held up. */
const HELD_UP_MS = 30;
/** Without congestion the figure is that of the last part of the measurement, this long. */
const RECENT_MS = 500;
/** What is received at this part of the highest rate, less what is lost, is all that was asked for. */
const ALL_ASKED = 0.9;
/** No verdict about loss is waited for longer than this. */
const LONGEST_HOLD_MS = 1000;
/** While a path is closed this part of what it carries is sent, so as to see when it opens. */
const WHILE_CLOSED = 0.5;
/** When it has opened, between these multiples of what it carries: enough to use up every allowance, and early. */
const WHEN_OPENED = { least: 1.5, most: 3 };
/** A path that is closed for longer has ended: limits are by the second at the most. */
const LONGEST_CLOSED_MS = 1250;
/** How long a closed path is thought to keep packets. */
const LONGEST_KEPT_MS = 3000;
/** What was kept while it was closed comes within this time. */
const LONGEST_OPENING_MS = 300;
/** Where a path closes again and again, the measurement ends when it opens; so much later at the most, in cycles. */
const LONGEST_WAIT_CYCLES = 1.2;

type State =
  | { readonly kind: 'probing' }
  /** More and more is sent, until the path is full. */
  | { readonly kind: 'growing'; readonly sinceMs: number }
  /** The path was full by its delay; less is sent until the queue is gone. */
  | {
      readonly kind: 'draining';
      fromMs: number;
      peakQueueMs: number;
      receivedAtMost: number;
      readonly before: number;
      readonly sinceMs: number;
    }
  /** The path was full by its loss; less is sent until it is clear whether that was enough. */
  | { readonly kind: 'holding'; readonly fromMs: number; cutAtMs: number }
  /** Nothing arrives any more; little is sent until something does. */
  | { readonly kind: 'closed'; readonly bitsPerSecond: number }
  /** Something has arrived again, and what was kept meanwhile is coming. */
  | { readonly kind: 'opening'; readonly sinceMs: number; readonly bitsPerSecond: number; readonly endsCycle: boolean }
  | { readonly kind: 'done' };

/**
 * Finds how much fits through a path, in a few seconds, from when packets were sent and when they arrived by the same clock.
 *
 * Probe clusters find the order of magnitude. Then the rate grows until a queue builds up (trendline filter and overuse detector)
 * or packets are lost for want of room, and falls until the path is empty again, over and over. That is Google congestion control
 * (draft-ietf-rmcat-gcc-02) with the constants of libwebrtc; what differs is said at each part, and comes from this: a call has
 * minutes to approach the right rate, a measurement must give a figure after seconds. The figure is what arrived while the path
 * was full.
 *
 * Beside a flow that always sends at one rate that is what it leaves. Beside one that fills the queue, as TCP does, nothing is left
 * for sure: then the figure is what came without pushing the other aside, and a call that pushes would get more.
 *
 *     const estimator = new BandwidthEstimator({ maxBitsPerSecond: 20e6 });
 *     for (let plan = estimator.plan(now()); plan.kind !== 'done'; plan = estimator.plan(now())) { … }
 *     estimator.estimate.bitsPerSecond;
 */
export class BandwidthEstimator {
  readonly #maxBitsPerSecond: number;
  readonly #startBitsPerSecond: number;
  readonly #durationMs: number;
  readonly #history = new PacketHistory();
  readonly #arrivals = new ArrivalLog();
  readonly #busy = new BusyPeriods(this.#arrivals);
  readonly #watch = new CongestionWatch();
  readonly #loss = new LossRule();
  readonly #interruptions = new Interruptions(this.#arrivals);
  readonly #search: ProbeSearch;
  readonly #control: RateControl;
  /** The last busy period, where it contradicts those before. */
  #doubted: BusyPeriod | undefined;
  #state: State = { kind: 'probing' };
  #startedAtMs: number | undefined;
  #nowMs = 0;
  #askedAtMs = Number.POSITIVE_INFINITY;
  #heldUpAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: EstimatorOptions) {
    const { maxBitsPerSecond, startBitsPerSecond, durationMs, packetBytes } = { ...DEFAULTS, ...options };
    this.#maxBitsPerSecond = maxBitsPerSecond;
    this.#startBitsPerSecond = Math.min(startBitsPerSecond, maxBitsPerSecond);
    this.#durationMs = durationMs;
    this.#search = new ProbeSearch({ startBitsPerSecond, maxBitsPerSecond, packetBytes });
    this.#control = new RateControl(maxBitsPerSecond);
  }

  /** What to send now. Ask at least every 10 ms: this is also how the estimator learns that time passes. */
  plan(nowMs: number): SendPlan {
    this.#startedAtMs ??= nowMs;
    if (nowMs - this.#askedAtMs > HELD_UP_MS) this.#heldUpAtMs = nowMs;
    this.#askedAtMs = nowMs;
    this.#advance(nowMs);
    if (this.#state.kind === 'done') return { kind: 'done' };
    if (this.#state.kind !== 'probing') return { kind: 'pace', bitsPerSecond: this.#control.rate(this.#nowMs) };
    const cluster = this.#search.next();
    if (cluster !== undefined) {
      return { kind: 'probe', cluster: cluster.id, bitsPerSecond: cluster.bitsPerSecond, packets: cluster.packets };
    }
    return { kind: 'pace', bitsPerSecond: BETWEEN_CLUSTERS * this.#found };
  }

  /** Tells of a packet as it is sent. */
  sent(packet: SentPacket): void {
    this.#history.sent(packet);
    if (packet.cluster !== undefined) this.#search.sent(packet.cluster, packet.sentAtMs, packet.bytes);
  }

  /**
   * Tells of a packet that arrived, by the clock that `sent` uses. Nobody has to tell of lost packets: the estimator sees by the
   * later ones that come, and by time, what is missing.
   */
  received(sequence: number, receivedAtMs: number): void {
    const packet = this.#history.received(sequence);
    if (packet === undefined || this.#state.kind === 'done') return;
    const silentSinceMs = this.#arrivals.lastAtMs ?? receivedAtMs;
    this.#arrivals.add(receivedAtMs, packet.bytes);
    this.#watch.received(packet.sentAtMs, receivedAtMs);
    if (packet.cluster !== undefined) this.#search.received(packet.cluster, receivedAtMs, packet.bytes);
    this.#judge(packet, false);
    if (this.#state.kind === 'closed') this.#open(this.#state, packet.sentAtMs, receivedAtMs, silentSinceMs);
    this.#advance(receivedAtMs);
  }

  /** What is known so far; final once the plan is `done`. Where nothing arrives it is 0, limited by loss. */
  get estimate(): Bandwidth {
    const isProbing = this.#state.kind === 'probing';
    if (!isProbing && this.#arrivals.totalBytes === 0) return { bitsPerSecond: 0, limitedBy: 'loss' };
    const latest = this.#latestBusy();
    const full = this.#busy.goodput(this.#currentBusy());
    const received = this.#receivedSince(latest, full ?? 0);
    if (latest !== undefined && full !== undefined && received <= full) {
      return { bitsPerSecond: Math.min(full, this.#maxBitsPerSecond), limitedBy: latest.cause };
    }
    const all = ALL_ASKED * (1 - this.#loss.lossFraction) * this.#maxBitsPerSecond;
    return {
      bitsPerSecond: Math.min(isProbing ? (this.#search.result ?? 0) : received, this.#maxBitsPerSecond),
      limitedBy: received >= all ? 'asked' : (latest?.cause ?? 'time'),
    };
  }

  get #found(): number {
    return this.#search.result ?? this.#startBitsPerSecond;
  }

  #advance(nowMs: number): void {
    if (this.#state.kind === 'done' || this.#startedAtMs === undefined) return;
    this.#nowMs = Math.max(nowMs, this.#nowMs);
    // While the path is closed packets may be kept: they are lost only when it goes on without them.
    const usualMs = this.#watch.usualDelayMs + (this.#isInterrupted ? LONGEST_KEPT_MS : 0);
    for (const packet of this.#history.takeLost(this.#nowMs, usualMs)) this.#lost(packet);
    this.#watch.waiting(this.#history.oldestAgeMs(this.#nowMs));
    const isTimeUp = this.#isTimeUp;
    this.#step();
    if (isTimeUp) this.#finish();
  }

  #lost(packet: SentPacket): void {
    if (packet.cluster !== undefined) this.#search.lost(packet.cluster);
    this.#judge(packet, true);
  }

  #judge({ sentAtMs, cluster }: SentPacket, lost: boolean): void {
    if (cluster !== undefined) return;
    this.#loss.judge(sentAtMs, lost, this.#state.kind !== 'draining' && this.#state.kind !== 'closed');
  }

  /** Whether to end. Where the path closes again and again it ends as it opens: what follows then has a whole allowance. */
  get #isTimeUp(): boolean {
    const overMs = this.#nowMs - this.#startedAtMs! - this.#durationMs;
    if (overMs < 0) return false;
    if (this.#state.kind === 'opening' && this.#state.endsCycle) return true;
    const { cycleMs, releasedAtMs = Number.NEGATIVE_INFINITY } = this.#interruptions;
    const waitMs = LONGEST_WAIT_CYCLES * (cycleMs > 0 ? cycleMs : LONGEST_CLOSED_MS);
    const isClosed = this.#state.kind === 'closed' && this.#nowMs - this.#arrivals.lastAtMs! <= LONGEST_CLOSED_MS;
    // What closed the path long ago was something else.
    return overMs >= waitMs || !(isClosed || this.#nowMs - releasedAtMs < waitMs);
  }

  #step(): void {
    const overdue = () => this.#history.count(this.#nowMs - this.#watch.usualDelayMs);
    if (this.#state.kind !== 'closed' && this.#interruptions.isSilent(this.#nowMs, overdue)) this.#close();
    switch (this.#state.kind) {
      case 'probing':
        this.#probe();
        break;
      case 'growing':
        this.#grow();
        break;
      case 'draining':
        this.#drain(this.#state);
        break;
      case 'holding':
        this.#hold(this.#state);
        break;
      case 'closed':
        this.#control.hold(this.#nowMs, WHILE_CLOSED * this.#carried);
        break;
      case 'opening':
        if (this.#watch.isEmpty || this.#nowMs - this.#state.sinceMs > LONGEST_OPENING_MS) {
          this.#growFrom(this.#state.bitsPerSecond);
        }
        break;
    }
  }

  get #isInterrupted(): boolean {
    return this.#state.kind === 'closed' || this.#state.kind === 'opening';
  }

  #close(): void {
    const state = this.#state;
    const lastAtMs = this.#arrivals.lastAtMs!;
    const rate = this.#control.rate(this.#nowMs);
    // Already less is sent, because of the same silence.
    const isCut = state.kind === 'draining' && state.sinceMs > lastAtMs;
    const bitsPerSecond = state.kind === 'probing' ? this.#found : isCut ? Math.max(rate, state.before) : rate;
    this.#state = { kind: 'closed', bitsPerSecond };
  }

  #open(state: State & { kind: 'closed' }, sentAtMs: number, atMs: number, silentSinceMs: number): void {
    const lateMs = atMs - sentAtMs - this.#watch.usualDelayMs;
    const carried = this.#carried;
    const cycle = this.#interruptions.release({ silentSinceMs, atMs, lateMs });
    if (cycle) {
      this.#doubted = undefined;
      this.#busy.add(cycle);
    }
    const { least, most } = WHEN_OPENED;
    const bitsPerSecond = Math.min(Math.max(state.bitsPerSecond, least * carried), most * carried);
    this.#control.hold(this.#nowMs, bitsPerSecond);
    this.#loss.restart(this.#nowMs);
    this.#state = { kind: 'opening', sinceMs: this.#nowMs, bitsPerSecond, endsCycle: cycle !== undefined };
  }

  /** Bits a second that have come since the path opened, or since the beginning. */
  get #carried(): number {
    const fromMs = this.#interruptions.releasedAtMs ?? this.#startedAtMs!;
    return this.#nowMs > fromMs ? (this.#arrivals.bytes(fromMs, this.#nowMs) * 8000) / (this.#nowMs - fromMs) : 0;
  }

  #growFrom(bitsPerSecond: number): void {
    this.#loss.restart(this.#nowMs);
    this.#control.grow(this.#nowMs, bitsPerSecond);
    this.#state = { kind: 'growing', sinceMs: this.#nowMs };
  }

  #probe(): void {
    const searchedMs = this.#nowMs - this.#startedAtMs!;
    if (!this.#search.isOver && searchedMs < LONGEST_SEARCH * this.#durationMs) return;
    this.#loss.restart(this.#nowMs);
    this.#control.begin(this.#nowMs, this.#found);
    this.#state = { kind: 'growing', sinceMs: this.#nowMs };
  }

  #grow(): void {
    const fromMs = this.#watch.congestedSinceMs;
    if (fromMs !== undefined) this.#startDraining(fromMs);
    else if (this.#loss.isCongested) {
      const firstLostMs = (this.#loss.firstLostSentMs ?? this.#nowMs) + this.#watch.usualDelayMs;
      this.#state = { kind: 'holding', fromMs: firstLostMs, cutAtMs: this.#nowMs };
      this.#cut(firstLostMs);
    }
  }

  #startDraining(sinceMs: number): void {
    const fromMs = Math.max(sinceMs, this.#interruptions.releasedAtMs ?? this.#startedAtMs ?? this.#nowMs);
    const before = this.#control.rate(this.#nowMs);
    const queue = { peakQueueMs: this.#watch.queueMs, receivedAtMost: 0 };
    this.#state = { kind: 'draining', fromMs, ...queue, before, sinceMs: this.#nowMs };
    this.#drain(this.#state);
  }

  #drain(state: State & { kind: 'draining' }): void {
    const { queueMs } = this.#watch;
    const part: BusyPeriod = { fromMs: state.fromMs, toMs: this.#nowMs, cause: 'delay' };
    if (this.#watch.isEmpty) {
      this.#endBusy(part);
      return;
    }
    state.peakQueueMs = Math.max(state.peakQueueMs, queueMs);
    const received = goodput(this.#arrivals, state.fromMs, this.#nowMs);
    state.receivedAtMost = Math.max(state.receivedAtMost, received);
    this.#control.drain(this.#nowMs, Math.max(received, LEAST_OF_RECEIVED * state.receivedAtMost), queueMs);
    if (this.#nowMs - state.fromMs < LONGEST_PART_MS) return;
    if (queueMs > SHRUNK * state.peakQueueMs) {
      this.#watch.rebase();
      this.#endBusy(part);
    } else {
      this.#busy.add(part);
      state.fromMs = this.#nowMs;
      state.peakQueueMs = queueMs;
    }
  }

  #hold(state: State & { kind: 'holding' }): void {
    const toMs = Math.min(this.#nowMs, state.cutAtMs + this.#watch.usualDelayMs + this.#watch.queueMs);
    const fullFromMs = this.#watch.congestedSinceMs;
    if (fullFromMs !== undefined) {
      this.#busy.add({ fromMs: state.fromMs, toMs: Math.min(toMs, fullFromMs), cause: 'loss' });
      this.#startDraining(fullFromMs);
    } else if (this.#loss.isCongested) {
      state.cutAtMs = this.#nowMs;
      this.#cut(state.fromMs);
    } else if (this.#loss.isTelling || this.#nowMs - state.cutAtMs > LONGEST_HOLD_MS + this.#watch.usualDelayMs) {
      this.#endBusy({ fromMs: state.fromMs, toMs, cause: 'loss' });
    }
  }

  /** The loss-based rule, but never above what is received: the rest of it would be lost again. */
  #cut(fromMs: number): void {
    const received = goodput(this.#arrivals, fromMs, this.#nowMs);
    const reduced = this.#control.rate(this.#nowMs) * this.#loss.decrease;
    this.#control.hold(this.#nowMs, received > 0 ? Math.min(reduced, received) : reduced);
    this.#loss.restart(this.#nowMs);
  }

  #endBusy(period: BusyPeriod): void {
    const found = goodput(this.#arrivals, period.fromMs, period.toMs);
    const wasHeldUp = this.#heldUpAtMs >= period.fromMs;
    const before = this.#busy.goodput() ?? (wasHeldUp ? this.#found : 0);
    const part = wasHeldUp ? DOUBTFUL.heldUp : DOUBTFUL.usually;
    const isDoubtful = period.cause === 'delay' && found < part * before;
    const isDoubted = isDoubtful && this.#doubted === undefined;
    if (isDoubted) this.#doubted = period;
    else {
      if (isDoubtful) this.#busy.add(this.#doubted!);
      this.#doubted = undefined;
      this.#busy.add(period);
    }
    this.#growFrom(isDoubted ? RETRIED * before : found);
  }

  /** The busy period that has not ended yet. */
  #currentBusy(): BusyPeriod | undefined {
    const { state, nowMs } = { state: this.#state, nowMs: this.#nowMs };
    if (state.kind === 'draining') return { fromMs: state.fromMs, toMs: nowMs, cause: 'delay' };
    if (state.kind === 'closed') return this.#currentCycle();
    if (state.kind !== 'holding') return undefined;
    const toMs = Math.min(nowMs, state.cutAtMs + this.#watch.usualDelayMs);
    return { fromMs: state.fromMs, toMs: Math.max(toMs, state.fromMs), cause: 'loss' };
  }

  /** What is so far of a cycle: only where there has been none, or where it is longer than the one before. */
  #currentCycle(): BusyPeriod | undefined {
    const { releasedAtMs, cycleMs } = this.#interruptions;
    const lastAtMs = this.#arrivals.lastAtMs ?? this.#nowMs;
    if (this.#nowMs - lastAtMs > LONGEST_CLOSED_MS)
      return { fromMs: lastAtMs, toMs: this.#nowMs, cause: 'loss', isCycle: true };
    const fromMs = releasedAtMs ?? this.#startedAtMs ?? this.#nowMs;
    return this.#nowMs - fromMs > cycleMs ? { fromMs, toMs: this.#nowMs, cause: 'loss', isCycle: true } : undefined;
  }

  #latestBusy(): BusyPeriod | undefined {
    return this.#currentBusy() ?? this.#busy.last;
  }

  /**
   * Bits a second that came lately, beyond what the path may have saved up: what was left unused since it was last full may come
   * on top of its rate (a token bucket), and proves nothing.
   */
  #receivedSince(busy: BusyPeriod | undefined, full: number): number {
    const untilMs = this.#arrivals.lastAtMs;
    if (untilMs === undefined || this.#startedAtMs === undefined) return 0;
    const sinceMs = busy?.toMs ?? this.#startedAtMs;
    // Over less than a cycle what comes says nothing.
    const lengthMs = Math.max(RECENT_MS, this.#interruptions.cycleMs);
    const recentMs = untilMs - lengthMs;
    if (busy === undefined) return goodput(this.#arrivals, Math.max(recentMs, sinceMs), untilMs);
    if (recentMs < sinceMs) return 0;
    const unusedBits = Math.max(0, (full * (recentMs - sinceMs)) / 1000 - this.#arrivals.bytes(sinceMs, recentMs) * 8);
    return goodput(this.#arrivals, recentMs, untilMs) - (unusedBits * 1000) / lengthMs;
  }

  #finish(): void {
    const current = this.#currentBusy();
    if (current !== undefined) this.#busy.add(current);
    this.#state = { kind: 'done' };
  }
}
