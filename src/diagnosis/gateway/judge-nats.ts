/** How many NATs there are, from what the router says and what servers see. Pure. */
import { type Finding, unknown } from '../../nat/finding.ts';
import type { GatewayReport } from '../../nat/report.ts';
import type { IpAddress } from '../../stun/ip-address.ts';
import { isIpv4OverIpv6, isPrivate, isShared, isUnicast } from '../address-kinds.ts';
import type { RouterAnswers } from './ask-router.ts';
import type { RouterAnswer } from './router-answer.ts';

/** What is known of the way out over IPv4. */
export interface NatEvidence {
  readonly localIp: IpAddress;
  /** Whether packets leave through a VPN. */
  readonly throughVpn: boolean;
  /** The addresses under which servers see this host; none where no server answered. */
  readonly mapped: readonly IpAddress[];
  readonly routers: RouterAnswers;
  readonly elapsedMs: number;
}

const protocolNames = { 'nat-pmp': 'NAT-PMP', pcp: 'PCP', upnp: 'UPnP' } as const;

/** Judges how many NATs there are between this host and the servers, and whether one is a carrier's. */
export function judgeNats(evidence: NatEvidence): Finding<GatewayReport> {
  const { localIp, mapped, routers } = evidence;
  const said = bestAnswer(evidence);
  const about = {
    address: (said?.router ?? routers.routed)?.text ?? null,
    protocol: said?.protocol ?? null,
    wanAddress: said?.wanAddress?.text ?? null,
  };
  const found = (
    rest: Pick<GatewayReport, 'nats' | 'carrierNat'>,
    confidence: 'high' | 'medium',
    text: string,
  ): Finding<GatewayReport> => {
    return { state: 'found', value: { ...about, ...rest }, confidence, evidence: text, elapsedMs: evidence.elapsedMs };
  };
  if (has(mapped, localIp)) {
    return found(
      { nats: 'none', carrierNat: false },
      'high',
      `Servers see this host at its own address, ${localIp.text}.`,
    );
  }
  const seen = mapped.length === 0 ? '' : `, and servers see ${mapped.map(({ text }) => text).join(', ')}`;
  const wan = said?.wanAddress;
  if (said !== undefined && wan !== undefined) {
    const text = `The router ${said.router.text} says by ${protocolNames[said.protocol]} that its outer address is ${wan.text}${seen}.`;
    if (has(mapped, wan)) return found({ nats: 'one', carrierNat: false }, 'high', text);
    if (isShared(wan) || isIpv4OverIpv6(wan)) return found({ nats: 'two-or-more', carrierNat: true }, 'high', text);
    if (isPrivate(wan)) return found({ nats: 'two-or-more', carrierNat: null }, 'high', text);
    // A router with several outer addresses may name one and use another.
    if (mapped.length === 1) return found({ nats: 'two-or-more', carrierNat: null }, 'medium', text);
    return found({ nats: 'unknown', carrierNat: null }, 'medium', text);
  }
  if (said?.translatedBefore) {
    const text = `${said.router.text} answers by PCP and sees this host under another address than its own, ${localIp.text}.`;
    return found({ nats: 'two-or-more', carrierNat: null }, 'medium', text);
  }
  // What such an address is from is known where it is no VPN's.
  if (!evidence.throughVpn && (isShared(localIp) || isIpv4OverIpv6(localIp))) {
    const text = `This host's own address, ${localIp.text}, is one that carriers give out in front of their NAT.`;
    return found({ nats: 'unknown', carrierNat: true }, 'medium', text);
  }
  if (said !== undefined) {
    const text = `The router ${said.router.text} speaks ${protocolNames[said.protocol]} but does not tell its outer address.`;
    return found({ nats: 'unknown', carrierNat: null }, 'medium', text);
  }
  return unknown(whyNothing(routers));
}

/** The answer that tells the most: an outer address that servers see, any outer address, or that somebody is there. */
function bestAnswer({ mapped, routers: { answers } }: NatEvidence): RouterAnswer | undefined {
  const useful = answers.map((one) =>
    one.wanAddress && !isUnicast(one.wanAddress) ? { ...one, wanAddress: undefined } : one,
  );
  return (
    useful.find(({ wanAddress }) => wanAddress && has(mapped, wanAddress)) ??
    useful.find(({ wanAddress }) => wanAddress) ??
    useful.find(({ translatedBefore }) => translatedBefore) ??
    useful[0]
  );
}

function whyNothing({ routed, candidates }: RouterAnswers): string {
  const where = candidates.map(({ text }) => text).join(' and ');
  const guess = routed === undefined ? ` at ${where}, where routers mostly are,` : ` (${where})`;
  return `The router${guess} answers neither NAT-PMP, PCP nor UPnP, so it cannot be told how many NATs there are.`;
}

function has(addresses: readonly IpAddress[], one: IpAddress): boolean {
  return addresses.some(({ text }) => text === one.text);
}
