import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { dropReasons } from '../turn/drop-reason.ts';
import type { SharedTables } from '../turn/shared/shared-tables.ts';
import { methodName } from './session-log.ts';

const planeWays = ['received', 'sent', 'forwarded'] as const;

/** The server's figures for Prometheus. They are read when asked for; no label holds a name or an address. */
export interface Metrics {
  readonly contentType: string;
  /** The text exposition format. */
  render(): Promise<string>;
}

/** The figures of TCP and TLS clients. */
export interface ConnectionFigures {
  readonly open: Readonly<Record<'tcp' | 'tls', number>>;
  readonly pending: number;
  readonly closedByReason: ReadonlyMap<string, number>;
  readonly certificateExpiresAt: number | undefined;
}

/**
 * @param shared what the servers of the daemon share: figures are summed over all of them.
 * @param connections reads the figures of the connections at this moment.
 */
export function createMetrics(shared: SharedTables, version: string, connections: () => ConnectionFigures): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counters = () => shared.totalCounters();
  const population = () => shared.totalPopulation();

  const build = new Gauge({
    name: 'taciturn_build_info',
    help: 'The running version',
    labelNames: ['version'],
    registers,
  });
  build.set({ version }, 1);
  gauge('taciturn_allocations', 'Live allocations', () => population().allocations);
  gauge('taciturn_relayed_addresses', 'Open relay sockets', () => population().relayedAddresses);
  gauge('taciturn_permissions', 'Permissions in force', () => population().permissions);
  gauge('taciturn_channels', 'Bound channels', () => population().channels);
  gauge('taciturn_users', 'Users with an allocation', () => population().users);

  const directions = () => {
    const { fromClients, toClients } = counters();
    return [['from_client', fromClients] as const, ['to_client', toClients] as const];
  };
  counter('taciturn_relayed_packets_total', 'Relayed packets', 'direction', () =>
    directions().map(([direction, traffic]) => [direction, traffic.packets]),
  );
  counter('taciturn_relayed_bytes_total', 'Relayed payload bytes', 'direction', () =>
    directions().map(([direction, traffic]) => [direction, traffic.bytes]),
  );
  counter('taciturn_responses_total', 'Success answers by method', 'method', () =>
    [...counters().successes].map(([method, count]) => [methodName(method), count]),
  );
  counter('taciturn_challenges_total', 'First requests that were asked for credentials', undefined, () => [
    ['', counters().challenges],
  ]);
  counter('taciturn_errors_total', 'Error answers by code', 'code', () =>
    [...counters().errors].map(([code, count]) => [String(code), count]),
  );
  counter('taciturn_dropped_packets_total', 'Packets that went nowhere, by reason', 'reason', () => {
    const total = counters();
    return dropReasons.map((reason) => [reason, total.dropped(reason)]);
  });

  counter('taciturn_plane_packets_total', 'Packets that the data plane moved', 'way', () =>
    planeWays.map((way) => [way, counters().plane(way)]),
  );
  counter('taciturn_plane_system_calls_total', 'System calls of the data plane, where it has batches', 'call', () => [
    ['receive', counters().plane('receiveCalls')],
    ['send', counters().plane('sendCalls')],
  ]);
  counter('taciturn_icmp_errors_total', 'ICMP errors about packets to peers', undefined, () => [
    ['', counters().plane('icmpErrors')],
  ]);
  const overflows = 'Packets of clients that the kernel dropped because they came too fast';
  counter('taciturn_receive_overflows_total', overflows, undefined, () => [['', counters().plane('overflows')]]);

  gauge('taciturn_pending_connections', 'Connections without a whole message so far', () => connections().pending);
  new Gauge({
    name: 'taciturn_connections',
    help: 'Connections of clients by transport',
    labelNames: ['transport'],
    registers,
    collect() {
      for (const [transport, count] of Object.entries(connections().open)) this.set({ transport }, count);
    },
  });
  counter('taciturn_closed_connections_total', 'Connections that were closed, by reason', 'reason', () => [
    ...connections().closedByReason,
  ]);
  if (connections().certificateExpiresAt !== undefined) {
    const help = 'When the TLS certificate expires, in seconds since 1970';
    gauge('taciturn_certificate_expiry_timestamp_seconds', help, () => connections().certificateExpiresAt ?? 0);
  }
  return { contentType: registry.contentType, render: () => registry.metrics() };

  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  }

  function counter(
    name: string,
    help: string,
    label: string | undefined,
    read: () => (readonly [string, number])[],
  ): void {
    new Counter({
      name,
      help,
      labelNames: label === undefined ? [] : [label],
      registers,
      collect() {
        // The server keeps the totals; the collector only shows them.
        this.reset();
        for (const [value, count] of read()) this.inc(label === undefined ? {} : { [label]: value }, count);
      },
    });
  }
}
