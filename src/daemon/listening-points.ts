import type { Configuration } from '../config/settings.ts';
import { IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { localAddresses } from './addresses.ts';

/** What a port is for: listen.port, one of listen.extraPorts, tls.port or natDiscovery.alternatePort. */
export type PortRole = 'main' | 'tls' | 'alternate' | number;

/** A socket that there should be. */
export interface ListeningPoint {
  readonly transport: 'udp' | 'tcp';
  readonly ip: IpAddress;
  /** The interface of a link-local address. */
  readonly zone: string | undefined;
  readonly role: PortRole;
  /** The configured port; 0 for any. */
  readonly port: number;
}

/** A socket that is open. With a certificate, each of `tcp` is one of `tls` as well. */
export interface OpenPoint {
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly role: PortRole;
  readonly local: TransportAddress;
}

/** The ports at which clients arrive, for the URLs that they are given; the best first. */
export interface ClientPorts {
  readonly udp: readonly number[];
  readonly tcp: readonly number[];
  readonly tls: readonly number[];
}

/** Every socket that the configuration asks for at this moment, UDP first. */
export function listeningPoints(configuration: Configuration): readonly ListeningPoint[] {
  const { listen, natDiscovery } = configuration;
  const hosts = listenHosts(configuration);
  const udpRoles: PortRole[] = listen.udp ? ['main', ...listen.extraPorts] : [];
  const tcpRoles: PortRole[] = listen.tcp ? ['main', ...listen.extraPorts] : [];
  if (opensTlsPort(configuration)) tcpRoles.push('tls');
  const at = (transport: 'udp' | 'tcp', roles: readonly PortRole[], among = hosts): ListeningPoint[] =>
    roles.flatMap((role) => among.map((host) => ({ transport, ...host, role, port: portOf(configuration, role) })));
  const discovering = hosts.filter(({ ip }) => natDiscovery[familyName(ip)].some((text) => text === ip.text));
  return [...at('udp', udpRoles), ...at('udp', ['alternate'], discovering), ...at('tcp', tcpRoles)];
}

/** The ports that URLs name, where the ports are as configured. */
export function configuredPorts(configuration: Configuration): ClientPorts {
  return clientPorts(
    listeningPoints(configuration).map(({ transport, role, port }) => ({ transport, role, port })),
    configuration.tls.certificateFile !== undefined,
  );
}

/**
 * The ports that URLs name: listen.port for UDP and TCP; for TLS the extra ports, which are there because they pass
 * firewalls, or else tls.port.
 */
export function clientPorts(
  points: readonly { readonly transport: 'udp' | 'tcp' | 'tls'; readonly role: PortRole; readonly port: number }[],
  hasCertificate: boolean,
): ClientPorts {
  const ports = (transport: 'udp' | 'tcp', fits: (role: PortRole) => boolean) => [
    ...new Set(points.filter((point) => point.transport === transport && fits(point.role)).map(({ port }) => port)),
  ];
  const main = (role: PortRole) => role === 'main';
  const extra = ports('tcp', (role) => typeof role === 'number');
  if (!hasCertificate) return { udp: ports('udp', main), tcp: [...ports('tcp', main), ...extra], tls: [] };
  const tls = [extra, ports('tcp', (role) => role === 'tls'), ports('tcp', main)].find((some) => some.length > 0);
  return { udp: ports('udp', main), tcp: ports('tcp', main), tls: tls ?? [] };
}

/** Whether tls.port is one more port, beside those that take TLS anyway; any port (0) is always another one. */
function opensTlsPort({ listen, tls }: Configuration): boolean {
  if (tls.certificateFile === undefined) return false;
  return tls.port === 0 || ![listen.port, ...listen.extraPorts].includes(tls.port);
}

function portOf({ listen, tls, natDiscovery }: Configuration, role: PortRole): number {
  if (role === 'main') return listen.port;
  if (role === 'tls') return tls.port;
  return role === 'alternate' ? natDiscovery.alternatePort : role;
}

/** The addresses to listen on, with their zones: all of this machine, or those that were given. */
function listenHosts({ listen: { addresses } }: Configuration): readonly Pick<ListeningPoint, 'ip' | 'zone'>[] {
  if (addresses === 'auto') return localAddresses().map((ip) => ({ ip, zone: undefined }));
  return addresses.map((text) => ({ ip: IpAddress.parse(text)!, zone: text.split('%')[1] }));
}

function familyName(ip: IpAddress): 'ipv4' | 'ipv6' {
  return ip.family === AddressFamily.ipv4 ? 'ipv4' : 'ipv6';
}
