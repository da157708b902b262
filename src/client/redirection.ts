import { type IpAddress, isIpv4Mapped, isLoopback, type TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily, ErrorCode } from '../stun/protocol.ts';
import { isHostName } from './ice-url.ts';
import type { RequestFailure } from './request-failure.ts';
import type { ServerEndpoint } from './server-endpoint.ts';

/**
 * Where a 300 sends the client (RFC 8489 §10): over the same transport, with the same credentials; over TLS to a server with a
 * certificate for ALTERNATE-DOMAIN, or for the name of this server where there is none.
 *
 * @returns `undefined` for anything else than a 300, and for one to an address that cannot be a server's.
 */
export function redirectedFrom(endpoint: ServerEndpoint, reason: RequestFailure): ServerEndpoint | undefined {
  if (reason.kind !== 'error-response' || reason.code !== ErrorCode.tryAlternate) return undefined;
  const { alternateServer: address, alternateDomain } = reason;
  if (!address || !mayBeServer(address, endpoint.address)) return undefined;
  const named = alternateDomain !== undefined && isHostName(alternateDomain);
  return {
    transport: endpoint.transport,
    address,
    via: 'redirect',
    host: named ? alternateDomain : address.ip.text,
    serverName: named ? alternateDomain : endpoint.serverName,
  };
}

/**
 * A server on the network must not make its clients talk to this machine, nor to many at once. The family stays as it is
 * (RFC 8489 §14.15), and an IPv4 address is not written as one of IPv6, behind which loopback could hide.
 */
function mayBeServer({ ip, port }: TransportAddress, from: TransportAddress): boolean {
  if (port === 0 || ip.family !== from.ip.family || isIpv4Mapped(ip)) return false;
  return !isUnspecified(ip) && !isMulticast(ip) && (!isLoopback(ip) || isLoopback(from.ip));
}

/** Multicast, and the reserved IPv4 addresses above it, broadcast among them. */
function isMulticast(ip: IpAddress): boolean {
  return ip.family === AddressFamily.ipv4 ? firstByte(ip) >= 224 : firstByte(ip) === 0xff;
}

function isUnspecified({ family, w0, w1, w2, w3 }: IpAddress): boolean {
  return family === AddressFamily.ipv4 ? w0 >>> 24 === 0 : w0 === 0 && w1 === 0 && w2 === 0 && w3 === 0;
}

function firstByte({ w0 }: IpAddress): number {
  return w0 >>> 24;
}
