/** What the stations of a load test, which are threads or processes of their own, can be told. */
import type { LongTermCredentials } from '../client/long-term-authentication.ts';
import type { ArrivalsReport } from './arrivals.ts';
import type { LoadProgress, Watch } from './load-loop.ts';
import type { SendPlan, SentReport } from './sender.ts';
import type { Mode } from './session.ts';
import type { TextAddress } from './text-address.ts';

/** What both sides do. */
export interface StationOrders {
  /** Sends packets; answers when all are sent. */
  send(plan: SendPlan): Promise<SentReport>;
  /** Counts what arrives, until {@link arrivals} is asked for. */
  watch(watch: Watch): Promise<void>;
  arrivals(): Promise<ArrivalsReport>;
}

/** Sent now and then, unasked. */
export interface ProgressMessage {
  readonly progress: LoadProgress;
}

export interface PeerReady extends TextAddress {
  /** The same for all that share a clock; empty when that is not known. */
  readonly machine: string;
}

export interface PeerOrders extends StationOrders {
  ready(): Promise<PeerReady>;
  /** Processor time that the peer's process has used so far. */
  processorMicroseconds(): Promise<number>;
  /** Where packets are to be sent to, by lane. */
  targets(targets: readonly TextAddress[]): Promise<void>;
  /** Whether packets are sent back to where they came from. */
  echo(on: boolean): Promise<void>;
}

export type ClientTransportName = 'udp' | 'tcp' | 'tls';

/** Where and as whom the clients connect. */
export interface ClientStationOptions {
  readonly server: TextAddress;
  readonly transport: ClientTransportName;
  /** The name that the certificate must be for, and PEM certificates to trust in place of the public authorities. */
  readonly serverName: string;
  readonly trusted?: string | undefined;
  /** The address the clients send from. */
  readonly localHost: string;
}

export interface AllocateOrder {
  readonly clients: number;
  /** One for each client, or one for all; none where the server asks for none. */
  readonly credentials: readonly LongTermCredentials[];
  readonly peer?: TextAddress | undefined;
  readonly mode: Mode;
}

export interface Allocated {
  readonly relayed: readonly TextAddress[];
  readonly elapsedMs: number;
}

export interface OpenOrder {
  readonly clients: number;
  readonly peer: TextAddress;
}

export interface ChurnOrder {
  readonly credentials: readonly LongTermCredentials[];
  readonly durationMs: number;
  readonly warmupMs: number;
  /** How many clients are on their way at any time. */
  readonly inFlight: number;
}

export interface ChurnReport {
  readonly allocations: number;
  readonly failures: number;
  /** Why the last one failed. */
  readonly failure?: string | undefined;
  readonly elapsedMs: number;
}

export interface ClientOrders extends StationOrders {
  /** Makes the allocations, and with a peer their channels or permissions. */
  allocate(order: AllocateOrder): Promise<Allocated>;
  /** Opens UDP sockets that send straight to the peer, without allocations; tells their addresses. */
  open(order: OpenOrder): Promise<readonly TextAddress[]>;
  /** Gives all allocations back. */
  release(): Promise<void>;
  /** Makes allocations and gives them back, each from a socket of its own, for a while. */
  churn(order: ChurnOrder): Promise<ChurnReport>;
}
