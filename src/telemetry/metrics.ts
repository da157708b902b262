import { AddressFamily } from '../stun/protocol.ts';
import { dropReasons } from '../turn/drop-reason.ts';
import type { SharedTables } from '../turn/shared/shared-tables.ts';
import { addHttpMetrics, type CountedAnswer } from './http-metrics.ts';
import { MetricSet } from './metric-set.ts';
import { addServiceMetrics, type ServiceSources } from './service-metrics.ts';
import { methodName } from './session-log.ts';

const planeWays = ['received', 'sent', 'forwarded'] as const;

/** The server's figures for Prometheus. They are read when asked for; no label holds a name or an address. */
export interface Metrics {
  readonly contentType: string;
  /** The text exposition format. */
  render(): Promise<string>;
  /** Counts an answer of the HTTP service. */
  countAnswer(answer: CountedAnswer): void;
}

/** The figures of TCP and TLS clients. */
export interface ConnectionFigures {
  readonly open: Readonly<Record<'tcp' | 'tls', number>>;
  readonly pending: number;
  readonly closedByReason: ReadonlyMap<string, number>;
  readonly certificateExpiresAt: number | undefined;
}

/** Where all figures come from. */
export interface MetricSources extends ServiceSources {
  readonly version: string;
  /** What the servers of the daemon share: figures are summed over all of them. */
  readonly shared: SharedTables;
  /** Reads the figures of the connections at this moment. */
  readonly connections: () => ConnectionFigures;
  /** How many ports there are for relays of each family. */
  readonly relayPorts?: number;
}

export function createMetrics(sources: MetricSources): Metrics {
  const metrics = new MetricSet();
  const { version, shared, connections, relayPorts } = sources;
  metrics.gauges('taciturn_build_info', 'The running version', 'version', () => [[version, 1]]);
  addPopulation(metrics, shared);
  addPorts(metrics, shared, relayPorts);
  addTraffic(metrics, shared);
  addConnections(metrics, connections);
  addServiceMetrics(metrics, sources);
  const countAnswer = addHttpMetrics(metrics);
  return { contentType: metrics.contentType, render: () => metrics.render(), countAnswer };
}

function addPopulation(metrics: MetricSet, shared: SharedTables): void {
  const population = () => shared.totalPopulation();
  metrics.gauge('taciturn_allocations', 'Live allocations', () => population().allocations);
  metrics.gauge('taciturn_relayed_addresses', 'Open relay sockets', () => population().relayedAddresses);
  metrics.gauge('taciturn_permissions', 'Permissions in force', () => population().permissions);
  metrics.gauge('taciturn_channels', 'Bound channels', () => population().channels);
  metrics.gauge('taciturn_users', 'Users with an allocation', () => population().users);
}

function addPorts(metrics: MetricSet, { ports }: SharedTables, total: number | undefined): void {
  const families = Object.entries(AddressFamily);
  metrics.gauges('taciturn_relay_ports_free', 'Ports for relays that are free', 'family', () =>
    families.map(([name, family]) => [name, ports.free(family)]),
  );
  if (total === undefined) return;
  metrics.gauge('taciturn_relay_ports', 'Ports for relays of each family, free or not', () => total);
}

function addTraffic(metrics: MetricSet, shared: SharedTables): void {
  const counters = () => shared.totalCounters();
  const directions = () => {
    const { fromClients, toClients } = counters();
    return [['from_client', fromClients] as const, ['to_client', toClients] as const];
  };
  metrics.counters('taciturn_relayed_packets_total', 'Relayed packets', 'direction', () =>
    directions().map(([direction, traffic]) => [direction, traffic.packets]),
  );
  metrics.counters('taciturn_relayed_bytes_total', 'Relayed payload bytes', 'direction', () =>
    directions().map(([direction, traffic]) => [direction, traffic.bytes]),
  );
  metrics.counters('taciturn_responses_total', 'Success answers by method', 'method', () =>
    [...counters().successes].map(([method, count]) => [methodName(method), count]),
  );
  const challenges = 'First requests that were asked for credentials';
  metrics.counter('taciturn_challenges_total', challenges, () => counters().challenges);
  metrics.counters('taciturn_errors_total', 'Error answers by code', 'code', () =>
    [...counters().errors].map(([code, count]) => [String(code), count]),
  );
  metrics.counters('taciturn_dropped_packets_total', 'Packets that went nowhere, by reason', 'reason', () => {
    const total = counters();
    return dropReasons.map((reason) => [reason, total.dropped(reason)]);
  });

  metrics.counters('taciturn_plane_packets_total', 'Packets that the data plane moved', 'way', () =>
    planeWays.map((way) => [way, counters().plane(way)]),
  );
  const calls = 'System calls of the data plane, where it has batches';
  metrics.counters('taciturn_plane_system_calls_total', calls, 'call', () => [
    ['receive', counters().plane('receiveCalls')],
    ['send', counters().plane('sendCalls')],
  ]);
  const icmpErrors = 'ICMP errors about packets to peers';
  metrics.counter('taciturn_icmp_errors_total', icmpErrors, () => counters().plane('icmpErrors'));
  const overflows = 'Packets of clients that the kernel dropped because they came too fast';
  metrics.counter('taciturn_receive_overflows_total', overflows, () => counters().plane('overflows'));
}

function addConnections(metrics: MetricSet, connections: () => ConnectionFigures): void {
  const pending = 'Connections without a whole message so far';
  metrics.gauge('taciturn_pending_connections', pending, () => connections().pending);
  metrics.gauges('taciturn_connections', 'Connections of clients by transport', 'transport', () =>
    Object.entries(connections().open),
  );
  const closed = 'Connections that were closed, by reason';
  metrics.counters('taciturn_closed_connections_total', closed, 'reason', () => connections().closedByReason);
  if (connections().certificateExpiresAt !== undefined) {
    const help = 'When the TLS certificate expires, in seconds since 1970';
    metrics.gauge('taciturn_certificate_expiry_timestamp_seconds', help, () => connections().certificateExpiresAt ?? 0);
  }
}
