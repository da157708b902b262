import { type AddressWords, IpAddress, sameAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';

/** Whose an address is, as far as it decides what a stranger has to look for there. */
export type AddressClass =
  /** `0.0.0.0` and `::`, which many systems take for the host itself. */
  | 'unspecified'
  | 'loopback'
  /** Where a cloud tells its machines their secrets. */
  | 'metadata'
  | 'link-local'
  | 'private'
  /** Between the customers of a carrier and its NAT (RFC 6598); some VPNs and clouds use it too. */
  | 'shared'
  | 'multicast'
  /** An IPv6 range that stands for IPv4 addresses. */
  | 'transition'
  /** Kept for documentation, tests and the future. */
  | 'reserved'
  | 'public';

/** A block of addresses of one class. */
export interface AddressBlock {
  readonly network: IpAddress;
  readonly prefixLength: number;
  readonly addressClass: AddressClass;
}

/** The first that fits counts. */
const blocks: readonly AddressBlock[] = [
  // Amazon, Google, Azure and many others; tasks at Amazon; Alibaba; Oracle.
  ...blocksOf('metadata', '169.254.169.254/32', '169.254.170.2/32', 'fd00:ec2::254/128', '100.100.100.200/32'),
  ...blocksOf('metadata', '192.0.0.192/32'),
  ...blocksOf('unspecified', '0.0.0.0/8', '::/128'),
  ...blocksOf('loopback', '127.0.0.0/8', '::1/128'),
  ...blocksOf('link-local', '169.254.0.0/16', 'fe80::/10'),
  ...blocksOf('private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', 'fec0::/10'),
  ...blocksOf('shared', '100.64.0.0/10'),
  ...blocksOf('multicast', '224.0.0.0/4', 'ff00::/8'),
  ...blocksOf('transition', '::/96', '::ffff:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48', '2001::/32', '2002::/16'),
  ...blocksOf('reserved', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15', '198.51.100.0/24'),
  ...blocksOf('reserved', '203.0.113.0/24', '240.0.0.0/4', '100::/64', '2001:db8::/32', '3fff::/20'),
];

/** The class of an address; `public` when nothing speaks against it. */
export function classOf(ip: AddressWords): AddressClass {
  return blockOf(ip)?.addressClass ?? 'public';
}

/** The block that an address lies in; `undefined` for a public one. */
export function blockOf(ip: AddressWords): AddressBlock | undefined {
  return blocks.find(({ network, prefixLength }) => sameAddress(network, masked(ip, prefixLength, false)));
}

/** The block as coturn writes it: `10.0.0.0-10.255.255.255`. */
export function formatRange({ network, prefixLength }: AddressBlock): string {
  const last = masked(network, prefixLength, true);
  return sameAddress(network, last) ? network.text : `${network.text}-${last.text}`;
}

function blocksOf(addressClass: AddressClass, ...texts: readonly string[]): AddressBlock[] {
  return texts.map((text) => {
    const [address, length] = text.split('/');
    return { network: IpAddress.parse(address!)!, prefixLength: Number(length), addressClass };
  });
}

/** The address with all bits behind the prefix cleared, or set. */
function masked({ family, w0, w1, w2, w3 }: AddressWords, prefixLength: number, set: boolean): IpAddress {
  const words = [w0, w1, w2, w3].map((word, i) => {
    if (family === AddressFamily.ipv4 && i > 0) return 0;
    const kept = Math.min(32, Math.max(0, prefixLength - i * 32));
    const mask = kept === 32 ? 0 : 0xffffffff >>> kept;
    return set ? word | mask : word & ~mask;
  });
  return new IpAddress(family, words[0]!, words[1], words[2], words[3]);
}
