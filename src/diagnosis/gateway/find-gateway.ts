import { type Finding, notTested } from '../../nat/finding.ts';
import type { GatewayReport } from '../../nat/report.ts';
import { type IpAddress, isLoopback } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';
import { anywhere } from '../anywhere.ts';
import { interfaceKind } from '../interfaces.ts';
import type { DiagnosisNetwork } from '../network.ts';
import { askRouter, type RouterAnswers } from './ask-router.ts';
import { judgeNats } from './judge-nats.ts';

/** What lies on the default way out over IPv4. */
export interface WayOut {
  /** From where packets leave; `undefined` where there is no way out. */
  readonly localIp: IpAddress | undefined;
  readonly throughVpn: boolean;
  readonly routers: RouterAnswers;
  readonly elapsedMs: number;
}

const nobody: RouterAnswers = { routed: undefined, candidates: [], answers: [] };

/** Asks the router on the default way out for its outer address. That of a VPN is somebody else's, and is not asked. */
export async function exploreWayOut(network: DiagnosisNetwork): Promise<WayOut> {
  const startedAt = network.clock.now();
  const local = await network.localAddressTowards(anywhere[AddressFamily.ipv4]);
  if (!local.ok) return { localIp: undefined, throughVpn: false, routers: nobody, elapsedMs: 0 };
  const localIp = local.value;
  const throughVpn = network
    .interfaces()
    .some((one) => interfaceKind(one) === 'vpn' && one.addresses.some(({ ip }) => ip.text === localIp.text));
  const routers = throughVpn ? nobody : await askRouter(network, localIp);
  return { localIp, throughVpn, routers, elapsedMs: network.clock.now() - startedAt };
}

/**
 * Judges how many NATs there are.
 *
 * @param localIp from where packets to the servers leave.
 * @param mapped how servers see this host.
 */
export function judgeWayOut(
  { localIp: usual, throughVpn, routers, elapsedMs }: WayOut,
  localIp: IpAddress | undefined,
  mapped: readonly IpAddress[],
): Finding<GatewayReport> {
  if (localIp === undefined) return notTested('There is no way out over IPv4.');
  if (isLoopback(localIp)) return notTested('The servers are on this machine.');
  const seenAsItIs = mapped.some(({ text }) => text === localIp.text);
  if (seenAsItIs || localIp.text === usual?.text) {
    if (throughVpn && !seenAsItIs) return notTested('Packets leave through a VPN, whose router is not asked.');
    return judgeNats({ localIp, throughVpn, mapped, routers, elapsedMs });
  }
  return notTested('The servers are not reached through the router that leads to the internet.');
}
