import { type IceUrl, isSecure } from '../../client/ice-url.ts';
import type { ClientTransport } from '../../client/open-socket.ts';
import { examineSecurity } from '../../security/examine.ts';
import type { SecurityReport } from '../../security/report.ts';
import { systemHostAddresses } from '../../security/system/host-addresses.ts';
import { systemSecurity } from '../../security/system/system-security.ts';
import { type SecurityTarget, securityTargets } from '../../security/targets.ts';
import { IpAddress, type TransportAddress } from '../../stun/ip-address.ts';
import { wrongUsage } from '../command-failure.ts';
import type { CheckTarget } from './run-check.ts';

/**
 * What may be tried as a peer: addresses of this host, and those of them that `--security-target` names.
 *
 * @throws CommandFailure when a named one is no address, or not of this host.
 */
export function chosenTargets(named: readonly string[]): readonly SecurityTarget[] {
  const addresses = named.map((text) => {
    const ip = IpAddress.parse(text);
    if (ip) return ip;
    throw wrongUsage(`--security-target takes an IP address of this host, such as 192.168.1.10, not ${text}.`);
  });
  const targets = securityTargets(systemHostAddresses(), addresses);
  if (!targets.ok) throw wrongUsage(`--security-target: ${targets.error.message}`);
  return targets.value;
}

/** Looks whether the server that a check has reached is open or unsafe. */
export function lookAtSecurity(
  { url, credentials }: CheckTarget,
  server: TransportAddress,
  targets: readonly SecurityTarget[],
  { trusted, signal }: { readonly trusted: string | undefined; readonly signal: AbortSignal },
): Promise<SecurityReport> {
  const transport = transportOf(url, trusted);
  return examineSecurity(systemSecurity({ server, transport, targets, signal, ...(credentials && { credentials }) }));
}

function transportOf(url: IceUrl, trusted: string | undefined): ClientTransport {
  if (!isSecure(url)) return { kind: url.transport };
  return { kind: 'tls', serverName: url.host, ...(trusted !== undefined && { trusted }) };
}
