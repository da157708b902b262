import { type Finding, unknown } from '../nat/finding.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { lookUpWithin } from './look-up-within.ts';
import type { DiagnosisNetwork } from './network.ts';

/** A web address that answers 204, without a body, to whoever is not kept from it. */
export interface PortalProbe {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** Of two operators, asked one after the other. */
export const portalProbes: readonly PortalProbe[] = [
  { host: 'cp.cloudflare.com', port: 80, path: '/generate_204' },
  { host: 'www.gstatic.com', port: 80, path: '/generate_204' },
];

const NO_CONTENT = 204;
const LOOK_UP_MS = 1500;
const REQUEST_MS = 2000;

/** Whether a login page stands in for the internet: a web address that is known to answer 204 answers otherwise. */
export async function findCaptivePortal(
  network: DiagnosisNetwork,
  probes: readonly PortalProbe[] = portalProbes,
): Promise<Finding<{ readonly captured: boolean }>> {
  const startedAt = network.clock.now();
  const failures: string[] = [];
  for (const probe of probes) {
    const status = await askForNothing(network, probe);
    if (typeof status === 'string') {
      failures.push(`${probe.host} (${status})`);
      continue;
    }
    const captured = status !== NO_CONTENT;
    return {
      state: 'found',
      value: { captured },
      confidence: captured ? 'medium' : 'high',
      evidence: `http://${probe.host}${probe.path} answered ${status}${captured ? `, and not ${NO_CONTENT}` : ''}.`,
      elapsedMs: network.clock.now() - startedAt,
    };
  }
  return unknown(`No answer came from ${failures.join(', ')}.`);
}

/** The status, or the code of what went wrong. */
async function askForNothing(network: DiagnosisNetwork, { host, port, path }: PortalProbe): Promise<number | string> {
  const to = await addressOf(network, host, port);
  if (typeof to === 'string') return to;
  const response = await network.http({ method: 'GET', to, host, path, timeoutMs: REQUEST_MS, maxBytes: 4096 });
  if (!response.ok) return response.error.code;
  // A server that is out of order is no login page.
  return response.value.status >= 500 ? `HTTP ${response.value.status}` : response.value.status;
}

async function addressOf(network: DiagnosisNetwork, host: string, port: number): Promise<TransportAddress | string> {
  const families = [AddressFamily.ipv4, AddressFamily.ipv6];
  const found = await Promise.all(families.map((family) => lookUpWithin(network, host, family, LOOK_UP_MS)));
  const [ip] = found.flatMap((one) => (one.ok ? one.value.slice(0, 1) : []));
  if (ip !== undefined) return { ip, port };
  return found.flatMap((one) => (one.ok ? [] : one.error.code))[0] ?? 'ENODATA';
}
