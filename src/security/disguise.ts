import { IpAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import type { SecurityTarget } from './targets.ts';

/** How a client may write an address so that a rule for it does not fit, though packets end up there all the same. */
export type Disguise =
  | 'none'
  /** `0.0.0.0` or `::`, where packets go to this host's loopback. */
  | 'unspecified'
  /** `::ffff:127.0.0.1`, which an IPv6 socket takes for the IPv4 address (RFC 4291 §2.5.5.2). */
  | 'ipv4-mapped'
  /** `::127.0.0.1` (RFC 4291 §2.5.5.1). */
  | 'ipv4-compatible'
  /** `64:ff9b::7f00:1`, behind a NAT64 (RFC 6052 §2.1). */
  | 'nat64'
  /** `2002:7f00:1::1`, through a 6to4 tunnel (RFC 3056 §2). */
  | '6to4';

/** A target as it is written in XOR-PEER-ADDRESS. */
export interface PeerForm {
  readonly ip: IpAddress;
  readonly disguise: Disguise;
}

/** The target itself first, then what else may lead there. */
export function formsOf({ ip, addressClass }: SecurityTarget): PeerForm[] {
  const isLoopback = addressClass === 'loopback';
  const forms: PeerForm[] = [{ ip, disguise: 'none' }];
  if (ip.family === AddressFamily.ipv6) {
    if (isLoopback) forms.push({ ip: ipv6(0, 0, 0, 0), disguise: 'unspecified' });
    return forms;
  }
  const { w0 } = ip;
  // Where 0.0.0.0 and :: lead, nothing but 127.0.0.1 hears.
  if (isLoopback && ip.text === '127.0.0.1') {
    forms.push({ ip: new IpAddress(AddressFamily.ipv4, 0), disguise: 'unspecified' });
  }
  forms.push(
    { ip: ipv6(0, 0, 0xffff, w0), disguise: 'ipv4-mapped' },
    { ip: ipv6(0, 0, 0, w0), disguise: 'ipv4-compatible' },
    { ip: ipv6(0x64ff9b, 0, 0, w0), disguise: 'nat64' },
    { ip: ipv6((0x2002 << 16) | (w0 >>> 16), w0 << 16, 0, 1), disguise: '6to4' },
  );
  return forms;
}

/**
 * Whether the form needs a translator or tunnel at the server to lead anywhere. Nearly no server has one, so that a permission for
 * such a form proves nothing: only what arrives does.
 */
export function needsTranslator(disguise: Disguise): boolean {
  return disguise === 'nat64' || disguise === '6to4' || disguise === 'ipv4-compatible';
}

function ipv6(w0: number, w1: number, w2: number, w3: number): IpAddress {
  return new IpAddress(AddressFamily.ipv6, w0, w1, w2, w3);
}
