import { type AddressWords, IpAddress, isIpv4Mapped, sameAddress, type TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { type AddressRange, parseAddressRange, rangeContains } from './address-range.ts';

/**
 * Peers that no relay should reach unless it is told to: this host, private and shared networks, link-local and metadata
 * addresses, documentation, multicast, and every IPv6 range that can stand for an IPv4 address.
 */
export const deniedByDefault: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  '::1/128',
  '::/96',
  '::ffff:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/32',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

/** How packets to one peer address are to be treated; decided once, when a permission is given. */
export interface PeerVerdict {
  /** Packets may leave towards this address, whatever the port. */
  readonly reachable: boolean;
  /** It is one of the server's own relayed addresses: packets to live relay ports are delivered inside the process. */
  readonly own: boolean;
  /** The daemon itself serves some port there, so that every packet's port must be looked at. */
  readonly servesHere: boolean;
}

export interface PeerPolicyRules {
  readonly allow: readonly AddressRange[];
  /** Beside the ranges of {@link deniedByDefault}. */
  readonly deny: readonly AddressRange[];
}

const builtIn = deniedByDefault.map((text) => parseAddressRange(text) as AddressRange);

/**
 * Decides which peers clients may reach: one function for CreatePermission, ChannelBind and Send.
 *
 * The order: the daemon's own listening ports never; own relayed addresses yes, but only to live relay ports;
 * what the operator allows; what is denied by the operator or by default; everything else.
 */
export class PeerPolicy {
  #rules: PeerPolicyRules;
  #ownAddresses: readonly IpAddress[] = [];
  #ownServices: readonly TransportAddress[] = [];

  constructor(rules: PeerPolicyRules) {
    this.#rules = rules;
  }

  /** Other rules from now on; permissions that were given stay until they are renewed. */
  setRules(rules: PeerPolicyRules): void {
    this.#rules = rules;
  }

  /** The server's relayed addresses, in relay and in external form. */
  setOwnAddresses(addresses: readonly IpAddress[]): void {
    this.#ownAddresses = addresses;
  }

  /** Every address and port on which the daemon itself listens. */
  setOwnServices(services: readonly TransportAddress[]): void {
    this.#ownServices = services;
  }

  /** What may be sent to this peer address. */
  judge(peer: AddressWords): PeerVerdict {
    return {
      reachable: this.#isReachable(peer),
      own: this.#isOwnAddress(peer),
      servesHere: this.#ownServices.some((service) => isSameHost(service.ip, peer)),
    };
  }

  /** Whether the daemon itself listens there. */
  isOwnService(peer: AddressWords, port: number): boolean {
    return this.#ownServices.some((service) => service.port === port && isSameHost(service.ip, peer));
  }

  #isReachable(peer: AddressWords): boolean {
    const contains = (range: AddressRange) => rangeContains(range, peer);
    const embedded = embeddedIpv4(peer);
    // A rule for an IPv6 range must not open the IPv4 address that is hidden in it.
    if (embedded !== undefined && !this.#isReachable(embedded)) return false;
    if (this.#rules.allow.some(contains)) return true;
    // A public address does not open this host: but for its live relay ports, it is no peer unless the operator allows it.
    return !this.#isOwnAddress(peer) && !this.#rules.deny.some(contains) && !builtIn.some(contains);
  }

  #isOwnAddress(peer: AddressWords): boolean {
    return this.#ownAddresses.some((own) => sameAddress(own, peer));
  }
}

/** Whether packets to `peer` end up at `address`, be it in another form of it. */
function isSameHost(address: AddressWords, peer: AddressWords): boolean {
  const embedded = embeddedIpv4(peer);
  return sameAddress(address, peer) || (embedded !== undefined && sameAddress(address, embedded));
}

/** The IPv4 address that a transition format carries: mapped, compatible, NAT64 or 6to4. */
function embeddedIpv4(address: AddressWords): IpAddress | undefined {
  if (address.family !== AddressFamily.ipv6) return undefined;
  const { w0, w1, w2, w3 } = address;
  const highZero = w1 === 0 && w2 === 0;
  const compatible = w0 === 0 && highZero && w3 !== 0 && w3 !== 1;
  const nat64 = w0 === 0x0064ff9b && highZero;
  if (isIpv4Mapped(address) || compatible || nat64) return new IpAddress(AddressFamily.ipv4, w3);
  if (w0 >>> 16 === 0x2002) return new IpAddress(AddressFamily.ipv4, (w0 << 16) | (w1 >>> 16));
  return undefined;
}
