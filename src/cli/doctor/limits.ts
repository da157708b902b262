import type { Configuration } from '../../config/settings.ts';
import { clientSocketOptions } from '../../relay/batch/batch-plane.ts';
import { portCount } from '../../turn/shared/port-table.ts';
import { formatBytes, formatCount } from '../operator/amounts.ts';
import { type Finding, findingsAbout } from './finding.ts';
import type { HttpService } from './http-service.ts';

const finding = findingsAbout('limits');

/** What the system grants a program that is started from this shell; `undefined` where the system does not tell. */
export interface MachineLimits {
  /** Files and sockets of one process; `Infinity` when there is no limit. */
  readonly openFiles: number | undefined;
  /** `net.core.rmem_max` of Linux, in bytes. */
  readonly receiveBufferBytes: number | undefined;
  /** Whether this process may go beyond that (CAP_NET_ADMIN). */
  readonly administersNetwork: boolean;
}

export interface LimitDependencies {
  readonly machineLimits: () => MachineLimits;
}

/** For listeners, the store, logs, threads and whatever Node.js opens. */
const filesBesides = 256;

/** Whether machine and configuration have room for what the configuration allows. */
export function limitFindings(
  configuration: Configuration,
  service: HttpService,
  { machineLimits }: LimitDependencies,
): Finding[] {
  const limits = machineLimits();
  return [
    openFiles(configuration, service, limits),
    relayPorts(configuration),
    ...receiveBuffer(configuration, service, limits),
  ];
}

function openFiles({ limits, relay }: Configuration, service: HttpService, machine: MachineLimits): Finding {
  const ofServer = service.state === 'answers' ? service.metrics.get('process_max_fds') : undefined;
  const most = ofServer ?? machine.openFiles;
  if (most === undefined) {
    return finding(
      'not-tested',
      'open_files_unknown',
      'How many files and sockets the server may have open was not tested: this system does not tell.',
      'See ulimit -n in the shell that starts it.',
    );
  }
  // One socket for each relayed port, as long as there are ports.
  const relays = Math.min(limits.allocations, 2 * portCount(relay.ports));
  const who = ofServer === undefined ? 'A server that is started from this shell' : 'The server';
  const facts = { openFiles: Number.isFinite(most) ? most : null, relays };
  if (most < relays + filesBesides) {
    return finding(
      'warning',
      'open_files_low',
      `${who} may have ${formatCount(most)} files and sockets open, fewer than ${formatCount(relays)} relays and their clients need.`,
      'Raise the limit (LimitNOFILE in the systemd unit, --ulimit nofile for a container, ulimit -n in a shell), or lower limits.allocations to what it has room for.',
      facts,
    );
  }
  const clients = Math.min(limits.connections.total, most - relays - filesBesides);
  return finding(
    'ok',
    'open_files',
    Number.isFinite(most)
      ? `${who} may have ${formatCount(most)} files and sockets open: enough for ${formatCount(relays)} relays and ${formatCount(clients)} TCP clients.`
      : `${who} may have any number of files and sockets open.`,
    undefined,
    facts,
  );
}

function relayPorts({ limits, relay }: Configuration): Finding {
  const ports = portCount(relay.ports);
  const facts = { ports, allocations: limits.allocations };
  if (ports >= limits.allocations) {
    return finding(
      'ok',
      'relay_ports',
      `relay.ports has ${formatCount(ports)} ports, enough for ${formatCount(limits.allocations)} allocations (limits.allocations).`,
      undefined,
      facts,
    );
  }
  return finding(
    'warning',
    'relay_ports_few',
    `relay.ports has only ${formatCount(ports)} ports, and limits.allocations allows ${formatCount(limits.allocations)} allocations: once all ports are taken, clients are refused (508).`,
    `Widen relay.ports, also in the firewall, or set limits.allocations to ${ports}.`,
    facts,
  );
}

/** Both data planes ask for the same buffer. */
function receiveBuffer({ listen, relay }: Configuration, service: HttpService, machine: MachineLimits): Finding[] {
  const { receiveBufferBytes, administersNetwork } = machine;
  if (!listen.udp || receiveBufferBytes === undefined) return [];
  const wanted = clientSocketOptions.receiveBufferBytes;
  const plane = service.state === 'answers' ? service.plane?.name : relay.plane;
  // The batch plane goes beyond the limit where it may.
  if (receiveBufferBytes >= wanted || (administersNetwork && plane !== 'dgram')) {
    return [
      finding(
        'ok',
        'receive_buffer',
        `Linux grants receive buffers of ${formatBytes(wanted)}, which is what the server asks for.`,
      ),
    ];
  }
  return [
    finding(
      'warning',
      'receive_buffer_small',
      `Linux grants receive buffers of ${formatBytes(receiveBufferBytes)} (net.core.rmem_max), and the server asks for ${formatBytes(wanted)}: in large bursts packets are lost.`,
      `Raise it: sysctl net.core.rmem_max=${wanted}, and the same in /etc/sysctl.d/; then start the server again.`,
      { receiveBufferBytes },
    ),
  ];
}
