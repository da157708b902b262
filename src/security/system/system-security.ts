import { randomBytes } from 'node:crypto';
import { systemClock } from '../../client/clock.ts';
import type { LongTermCredentials } from '../../client/long-term-authentication.ts';
import type { ClientTransport } from '../../client/open-socket.ts';
import { diagnosticRetransmission } from '../../client/retransmission.ts';
import { openTurnClient } from '../../client/turn-client.ts';
import { openUdpSocket } from '../../client/udp-socket.ts';
import type { TransportAddress } from '../../stun/ip-address.ts';
import type { SecurityDependencies } from '../dependencies.ts';
import type { SecurityTarget } from '../targets.ts';
import { systemHostAddresses } from './host-addresses.ts';
import { listen } from './listeners.ts';

export interface SystemSecurityOptions {
  readonly server: TransportAddress;
  readonly transport: ClientTransport;
  readonly credentials?: LongTermCredentials;
  /** From `securityTargets(systemHostAddresses(), named)`. */
  readonly targets: readonly SecurityTarget[];
  readonly signal?: AbortSignal;
}

/** A handshake over half the world takes less than a second. */
const connectTimeoutMs = 5000;

/** The dependencies of `examineSecurity` on this machine: its sockets, its clock, its addresses. */
export function systemSecurity(options: SystemSecurityOptions): SecurityDependencies {
  const { server, transport } = options;
  return {
    ...options,
    transport: transport.kind,
    hostAddresses: systemHostAddresses(),
    clock: systemClock,
    random: randomBytes,
    open: (credentials) =>
      openTurnClient({
        server,
        transport,
        retransmission: diagnosticRetransmission(),
        timeoutMs: connectTimeoutMs,
        ...(credentials && { credentials }),
      }),
    openUdp: () => openUdpSocket({ family: server.ip.family, connectTo: server }),
    listen,
  };
}
