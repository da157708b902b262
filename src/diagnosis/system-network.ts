import { randomBytes } from 'node:crypto';
import * as tls from 'node:tls';
import { systemClock } from '../client/clock.ts';
import { success } from '../client/result.ts';
import { connectTcp } from '../client/tcp-connection.ts';
import { openUdpSocket } from '../client/udp-socket.ts';
import type { DiagnosisNetwork } from './network.ts';
import { requestHttp } from './system/http-request.ts';
import { systemInterfaces } from './system/interfaces.ts';
import { lookUp } from './system/look-up.ts';
import { routedGateway } from './system/route-table.ts';

/** The network as this machine sees it. The same on every system, and without rights that others have not. */
export function systemNetwork(): DiagnosisNetwork {
  return {
    clock: systemClock,
    random: randomBytes,
    openUdp: openUdpSocket,
    today: () => new Date(),
    lookUp,
    connectTcp: (server, timeoutMs) => connectTcp({ server, timeoutMs }),
    interfaces: systemInterfaces,
    async localAddressTowards(destination) {
      const socket = await openUdpSocket({ family: destination.ip.family, connectTo: destination });
      if (!socket.ok) return socket;
      const { ip } = socket.value.localAddress;
      socket.value.close();
      return success(ip);
    },
    routedGateway,
    http: requestHttp,
    systemAuthorities,
  };
}

/** Node before 22.15 cannot read them. */
function systemAuthorities(): string | undefined {
  const { getCACertificates } = tls as { readonly getCACertificates?: (type: 'system') => string[] };
  const certificates = getCACertificates?.('system') ?? [];
  return certificates.length > 0 ? certificates.join('\n') : undefined;
}
