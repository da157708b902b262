import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LongTermCredentials } from '../client/long-term-authentication.ts';
import type { ArrivalsReport, LatencySummary } from './arrivals.ts';
import { thisMachine } from './peer-station.ts';
import { type ProcessorCost, type ProcessSample, processorCost, sampleProcess } from './processor-time.ts';
import type { SendPlan, SentReport } from './sender.ts';
import type { Mode } from './session.ts';
import { type PeerPlace, type Station, startClients, startPeer } from './station.ts';
import type {
  Allocated,
  ClientOrders,
  ClientStationOptions,
  PeerOrders,
  PeerReady,
  StationOrders,
} from './station-orders.ts';
import type { TextAddress } from './text-address.ts';

/** `echo` is there and back; both ways are the relay's work. */
export type Direction = 'to-peer' | 'to-client' | 'echo';

export interface LoadTestOptions extends ClientStationOptions {
  readonly clients: number;
  readonly credentials: readonly LongTermCredentials[];
  readonly peer: PeerPlace;
  readonly mode: Mode;
  readonly direction: Direction;
  readonly size: number;
  readonly burst: number;
  /** Take packets in the moment they arrive, for exact latencies. */
  readonly prompt: boolean;
  /** The server's process, to measure its processor time. */
  readonly pid?: number | undefined;
}

export interface Load {
  /** `undefined` for as many as can be sent. */
  readonly packetsPerSecond: number | undefined;
  readonly warmupMs: number;
  readonly durationMs: number;
  /** Past the relay, to know what the path itself costs. */
  readonly direct?: boolean;
}

/** What one load came to. */
export interface Measurement {
  readonly durationMs: number;
  readonly offered: number;
  readonly sent: number;
  readonly delivered: number;
  readonly duplicates: number;
  readonly lost: number;
  /** 0 to 1. */
  readonly loss: number;
  /** Packets that arrived where they should and found the receiver's buffer full: part of the loss, and not the relay's fault. */
  readonly overflows: number;
  readonly deliveredPerSecond: number;
  /** Microseconds from sender to receiver; `undefined` where the two share no clock, or nothing came. */
  readonly latency: LatencySummary | undefined;
  /** What the server's process used for each delivered packet. */
  readonly server: ProcessorCost | undefined;
  /** What this load generator itself used, in microseconds for each delivered packet. */
  readonly generatorMicroseconds: number | undefined;
}

/** Packets that are still on their way get this long after the last was sent. */
const STRAGGLERS_MS = 300;

/** Clients with their allocations and a peer, ready to be put under load. */
export class LoadTest {
  readonly allocated: Allocated;
  readonly #options: LoadTestOptions;
  readonly #clients: Station<ClientOrders>;
  readonly #peer: Station<PeerOrders>;
  readonly #peerAddress: TextAddress;
  /** Sockets past the relay, once they are wanted, and their addresses. */
  #direct: DirectPath | undefined;
  readonly #sharesClock: boolean;

  private constructor(
    options: LoadTestOptions,
    clients: Station<ClientOrders>,
    peer: Station<PeerOrders>,
    ready: PeerReady,
    allocated: Allocated,
  ) {
    this.#options = options;
    this.#clients = clients;
    this.#peer = peer;
    this.#peerAddress = ready;
    this.allocated = allocated;
    this.#sharesClock = options.direction === 'echo' || (ready.machine !== '' && ready.machine === thisMachine());
  }

  /** Starts both sides and makes the allocations; rejects when one of them cannot be had. */
  static async start(options: LoadTestOptions): Promise<LoadTest> {
    const clients = startClients(options);
    const peer = startPeer(options.peer);
    try {
      const ready = await peer.orders.call('ready');
      const { clients: count, credentials, mode } = options;
      const allocated = await clients.orders.call('allocate', { clients: count, credentials, mode, peer: ready });
      await peer.orders.call('echo', options.direction === 'echo');
      return new LoadTest(options, clients, peer, ready, allocated);
    } catch (error) {
      await Promise.all([clients.stop(), peer.stop()]);
      throw error;
    }
  }

  /** How far the load under way is. */
  get progress(): { readonly sent: number; readonly delivered: number } {
    const { sender, receiver } = this.#sides(this.#clients);
    return { sent: sender.progress.sent, delivered: receiver.progress.delivered };
  }

  /** Sends a load and counts what arrives. */
  async measure(load: Load): Promise<Measurement> {
    const { size, burst, prompt, clients: lanes, direction } = this.#options;
    const { direct = false, warmupMs, durationMs, packetsPerSecond } = load;
    const path = direct ? await this.#openDirect() : undefined;
    const { sender, receiver } = this.#sides(path?.clients ?? this.#clients);
    const run = randomInt(1, 2 ** 32);
    if (direction === 'to-client') {
      await this.#peer.orders.call('targets', path?.local ?? this.allocated.relayed);
    }
    await receiver.orders.call('watch', { run, lanes, prompt });
    const plan: SendPlan = { run, lanes, packetsPerSecond, warmupMs, durationMs, burst, size, direct };
    const sending = sender.orders.call('send', plan);
    // Should it fail meanwhile, that is told below.
    sending.catch(() => {});
    await sleep(warmupMs);
    const before = await this.#usage();
    const sent = await sending;
    const after = await this.#usage();
    await sleep(STRAGGLERS_MS);
    const measurement = this.#evaluate(sent, await receiver.orders.call('arrivals'), before, after);
    // What goes past the server costs it nothing.
    return direct ? { ...measurement, server: undefined } : measurement;
  }

  /** Gives the allocations back and ends both sides. */
  async close(): Promise<void> {
    await this.#clients.orders.call('release').catch(() => {});
    await Promise.all([this.#clients.stop(), this.#direct?.clients.stop(), this.#peer.stop()]);
  }

  /** Whatever the clients' transport, what peers see of the relay is UDP, so that is what the path costs without it. */
  async #openDirect(): Promise<DirectPath> {
    if (this.#direct === undefined) {
      const clients = startClients({ ...this.#options, transport: 'udp' });
      const order = { clients: this.#options.clients, peer: this.#peerAddress };
      this.#direct = { clients, local: await clients.orders.call('open', order) };
    }
    return this.#direct;
  }

  #sides(clientStation: Station<ClientOrders>): {
    readonly sender: Station<StationOrders>;
    readonly receiver: Station<StationOrders>;
  } {
    const clients = clientStation as Station<StationOrders>;
    const peer = this.#peer as Station<StationOrders>;
    const { direction } = this.#options;
    return { sender: direction === 'to-client' ? peer : clients, receiver: direction === 'to-peer' ? peer : clients };
  }

  async #usage(): Promise<Usage> {
    const { pid, peer } = this.#options;
    const { user, system } = process.cpuUsage();
    const elsewhere = peer.kind === 'command' ? await this.#peer.orders.call('processorMicroseconds') : 0;
    return { server: pid === undefined ? undefined : sampleProcess(pid), generator: user + system + elsewhere };
  }

  #evaluate(report: SentReport, arrived: ArrivalsReport, before: Usage, after: Usage): Measurement {
    const { sent, offered, elapsedMs } = report;
    const { delivered, duplicates, overflows, latency } = arrived;
    if (sent === 0 && offered > 0) throw new Error('Nothing could be sent: the server has closed the connections.');
    // A packet that the wire refused after it was counted can make this negative by one or two.
    const lost = Math.max(0, sent - delivered);
    return {
      durationMs: elapsedMs,
      offered,
      sent,
      delivered,
      duplicates,
      lost,
      loss: sent === 0 ? 0 : lost / sent,
      overflows,
      deliveredPerSecond: (delivered * 1000) / elapsedMs,
      latency: this.#sharesClock ? latency : undefined,
      server: before.server && after.server && processorCost(before.server, after.server, delivered),
      generatorMicroseconds: delivered === 0 ? undefined : (after.generator - before.generator) / delivered,
    };
  }
}

/** The clients' side without the relay. */
interface DirectPath {
  readonly clients: Station<ClientOrders>;
  readonly local: readonly TextAddress[];
}

/** What was used so far. */
interface Usage {
  readonly server: ProcessSample | undefined;
  /** Microseconds. */
  readonly generator: number;
}
