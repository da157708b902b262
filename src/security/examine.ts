import { amplification } from './amplification.ts';
import { anonymousRelay } from './anonymous-relay.ts';
import type { SecurityDependencies } from './dependencies.ts';
import { forbiddenPeers, forbiddenTcpPeers } from './forbidden-peers.ts';
import { leftOut } from './left-out.ts';
import type { SecurityFinding, SecurityReport } from './report.ts';
import { TimeLimit } from './time-limit.ts';

/** A healthy server needs a second or two. */
const DEFAULT_LIMIT_MS = 20_000;

/**
 * Looks whether a server is open or unsafe: does it relay for anybody, to this host's own addresses that are no business of its
 * clients, and are its answers to strangers large.
 *
 * It is meant for the server's operator. It sends nothing to anybody but the server, and has a few small packets sent to addresses of
 * this host alone; in the server's network, a private one of them may be another machine's. It holds one allocation at a time and
 * gives each back. Never throws because of the network: what fails is `not-tested`.
 *
 * @example
 * const targets = securityTargets(systemHostAddresses());
 * if (!targets.ok) throw new Error(targets.error.message);
 * const report = await examineSecurity(systemSecurity({ server, transport: { kind: 'udp' }, credentials, targets: targets.value }));
 * console.log(report.safe);
 */
export async function examineSecurity(dependencies: SecurityDependencies): Promise<SecurityReport> {
  const limit = new TimeLimit(dependencies.clock, dependencies.limitMs ?? DEFAULT_LIMIT_MS, dependencies.signal);
  const relays = examineRelays(dependencies, limit);
  const strangers = amplification(dependencies, relays);
  const findings = [...(await relays), await strangers];
  return { safe: findings.every(({ state }) => state !== 'unsafe'), findings };
}

/** One after the other, for one allocation at a time. */
async function examineRelays(dependencies: SecurityDependencies, limit: TimeLimit): Promise<SecurityFinding[]> {
  return [
    ...(await anonymousRelay(dependencies)),
    ...(await forbiddenPeers(dependencies, limit)),
    ...leftOut(dependencies),
    ...(await forbiddenTcpPeers(dependencies, limit)),
  ];
}
