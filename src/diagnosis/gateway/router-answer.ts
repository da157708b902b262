import type { GatewayReport } from '../../nat/report.ts';
import type { IpAddress } from '../../stun/ip-address.ts';

/** What a router said of itself, by one protocol. */
export interface RouterAnswer {
  readonly router: IpAddress;
  readonly protocol: Exclude<GatewayReport['protocol'], null>;
  /** Its outer address, where it says one. */
  readonly wanAddress: IpAddress | undefined;
  /** Whether it sees this host under another address, so that a NAT lies in between. */
  readonly translatedBefore: boolean;
}

/** What is asked, and from where. */
export interface RouterQuestion {
  readonly localIp: IpAddress;
  /** Where the router may be. */
  readonly candidates: readonly IpAddress[];
}
