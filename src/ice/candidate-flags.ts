/** What keeps candidates from being of use, or may. Pure. */
import type { GrantedAllocation } from '../client/allocate-request.ts';
import { parseIceUrl } from '../client/ice-url.ts';
import { type Advice, advice } from '../ladder/advice.ts';
import { allocationWarnings } from '../ladder/relay-advice.ts';
import { isOfCarrier } from '../nat/private-address.ts';
import {
  formatTransportAddress,
  type IpAddress,
  isLoopback,
  sameAddress,
  type TransportAddress,
} from '../stun/ip-address.ts';
import { isOfOneNetwork } from './address-kinds.ts';
import type { CandidateError, ServerReport } from './report.ts';

/** What there is to say about a relayed address. */
export function relayedFlags(
  relayed: TransportAddress,
  { mappedAddress, lifetimeSeconds }: Pick<GrantedAllocation, 'mappedAddress' | 'lifetimeSeconds'>,
  server: IpAddress,
  own: readonly IpAddress[],
): readonly Advice[] {
  const warnings = allocationWarnings(relayed, lifetimeSeconds, { server, mapped: mappedAddress.ip });
  const { ip } = relayed;
  const isOwn = (address: IpAddress) => isLoopback(address) || own.some((one) => sameAddress(one, address));
  // Of a server on this machine it is no wonder.
  if (isLoopback(ip) || !isOwn(ip) || isOwn(server) || warnings.some(({ code }) => code === 'relayed_address_yours'))
    return warnings;
  return [
    ...warnings,
    advice(
      'relay_equals_host',
      `The relayed address ${ip.text} is an address of this very machine.`,
      'What peers send there never comes to the server. Tell the server its own public address (taciturn: relay.ipv4.external, coturn: external-ip).',
    ),
  ];
}

/** What there is to say about a reflexive address. */
export function reflexiveFlags(mapped: IpAddress, host: IpAddress): Advice[] {
  if (sameAddress(mapped, host)) return [];
  if (isOfCarrier(mapped)) {
    return [
      advice(
        'srflx_carrier',
        `The server sees this machine as ${mapped.text}, an address between a provider's customers and its NAT: another NAT is behind it.`,
        'Ask a server that is beyond it, in the Internet; peers elsewhere cannot reach this address.',
      ),
    ];
  }
  if (!isOfOneNetwork(mapped) && !isLoopback(mapped)) return [];
  return [
    advice(
      'srflx_private',
      `The server sees this machine as ${mapped.text}, which is a private address: there is a NAT in between, and the server is not in the Internet, or a further NAT is before it.`,
      'Ask a server that is in the Internet; peers elsewhere cannot reach this address.',
    ),
  ];
}

/** How one server saw the socket of a host candidate. */
export interface Mapping {
  readonly url: string;
  readonly server: TransportAddress;
  readonly socket: TransportAddress;
  readonly mapped: TransportAddress;
}

/** What servers have seen of sockets, taken together. */
export function mappingFlags(mappings: readonly Mapping[]): Advice[] {
  const bySocket = new Map<string, Mapping[]>();
  for (const mapping of mappings) {
    const key = formatTransportAddress(mapping.socket);
    bySocket.set(key, [...(bySocket.get(key) ?? []), mapping]);
  }
  for (const seen of bySocket.values()) {
    // A server inside the network sees another address than those outside: that is no property of the NAT.
    const outside = seen.filter(({ mapped }) => !isOfOneNetwork(mapped.ip) && !isOfCarrier(mapped.ip));
    const flag = differs(outside.length > 1 ? outside : seen);
    if (flag) return [flag];
  }
  return [];
}

function differs([first, ...others]: readonly Mapping[]): Advice | undefined {
  if (!first) return undefined;
  const { socket, mapped } = first;
  if (others.some((other) => !sameAddress(other.mapped.ip, mapped.ip))) {
    return advice(
      'srflx_addresses_differ',
      `Servers see the same socket (${formatTransportAddress(socket)}) under different addresses: this network has several ways out, or some of the servers are inside it.`,
      'Peers may not reach the reflexive candidates. Give your app a TURN server.',
    );
  }
  if (!others.some((other) => other.mapped.port !== mapped.port)) return undefined;
  return advice(
    'symmetric_nat',
    `Each server sees the same socket (${formatTransportAddress(socket)}) at another port: this is a symmetric NAT, whose reflexive candidates work with few peers.`,
    'Give your app a TURN server. "taciturn diagnose" says more about this network.',
  );
}

/** Whether servers are silent over UDP, while others, or the same ones, answer over TCP or TLS. */
export function blockedUdpFlags(servers: readonly ServerReport[], errors: readonly CandidateError[]): Advice[] {
  const byTransport = (wanted: 'udp' | 'tcp') => servers.filter(({ url }) => transportOf(url) === wanted);
  const overUdp = byTransport('udp').filter(({ status }) => status !== 'not-asked');
  const silent = (url: string) => errors.some((error) => error.url === url && error.problem.code === 'no_answer');
  const blocked = overUdp.length > 0 && overUdp.every(({ url, status }) => status === 'failed' && silent(url));
  if (!blocked || !byTransport('tcp').some(({ status }) => status === 'answered')) return [];
  return [
    advice(
      'udp_blocked',
      'No server answers over UDP, but over TCP it works: this network, or the way to the servers, seems to block UDP.',
      'Calls from here need a TURN server over TCP or TLS, best on port 443. "taciturn diagnose" finds out more.',
    ),
  ];
}

function transportOf(url: string): 'udp' | 'tcp' | undefined {
  const parsed = parseIceUrl(url);
  return parsed.ok ? parsed.value.transport : undefined;
}
