import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { systemClock } from '../../client/clock.ts';
import type { DnsResolver } from '../../client/dns-resolver.ts';
import { failure, type Result, success } from '../../client/result.ts';
import { resolveServer } from '../../client/server-resolution.ts';
import { systemDns } from '../../client/system-dns.ts';
import { connectTcp } from '../../client/tcp-connection.ts';
import { systemError, type TransportError } from '../../client/transport-error.ts';
import { openUdpSocket } from '../../client/udp-socket.ts';
import { interfaceKind } from '../../diagnosis/interfaces.ts';
import { systemInterfaces } from '../../diagnosis/system/interfaces.ts';
import { lookUp } from '../../diagnosis/system/look-up.ts';
import type { GatherDependencies, ListeningPort } from '../../ice/dependencies.ts';
import type { IpAddress, TransportAddress } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';

const ADDRESS_TIMEOUT_MS = 2000;
const RECORD_TIMEOUT_MS = 800;

/** What gathering needs, from this machine. */
export function systemGathering(unixNow: () => number): GatherDependencies {
  const dns: DnsResolver = { ...systemDns({ recordTimeoutMs: RECORD_TIMEOUT_MS }), addresses: lookUpBoth };
  return {
    clock: systemClock,
    random: randomBytes,
    unixNow,
    interfaces: () =>
      systemInterfaces().map((one) => ({
        name: one.name,
        secondary: ['vpn', 'virtual'].includes(interfaceKind(one)),
        addresses: one.addresses.map(({ ip }) => ip),
      })),
    resolveHost: lookUpBoth,
    resolveServer: (url) => resolveServer(url, dns),
    openUdp: openUdpSocket,
    connectTcp,
    listenTcp,
  };
}

/** Both families at once. A question to a DNS server that is silent can be called back, and does not keep the process from ending. */
async function lookUpBoth(host: string): Promise<Result<readonly IpAddress[], { readonly code: string }>> {
  const [ipv6, ipv4] = await Promise.all(
    [AddressFamily.ipv6, AddressFamily.ipv4].map((family) => lookUp(host, family, ADDRESS_TIMEOUT_MS)),
  );
  const addresses = [ipv6!, ipv4!].flatMap((found) => (found.ok ? found.value : []));
  if (addresses.length > 0) return success(addresses);
  // That there is no IPv6 address says little; the code for IPv4 tells why there is none at all.
  return ipv4!.ok ? failure({ code: 'ENODATA' }) : ipv4!;
}

function listenTcp(ip: IpAddress): Promise<Result<ListeningPort, TransportError>> {
  const server = createServer((connection) => connection.destroy());
  return new Promise((resolve) => {
    server.once('error', (error) => resolve(failure(systemError(error))));
    server.listen({ host: ip.text, port: 0, ipv6Only: true }, () => {
      const { port } = server.address() as { readonly port: number };
      const address: TransportAddress = { ip, port };
      resolve(success({ address, close: () => server.close() }));
    });
  });
}
