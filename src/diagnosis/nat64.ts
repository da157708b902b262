import { type Finding, unknown } from '../nat/finding.ts';
import { IpAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { lookUpWithin } from './look-up-within.ts';
import type { DiagnosisNetwork } from './network.ts';

/** A name that has IPv4 addresses only, so that an IPv6 address of it was made by a DNS64 (RFC 7050 §3). */
const PROBE_NAME = 'ipv4only.arpa';
/** 192.0.0.170 and 192.0.0.171, what it stands for. */
const wellKnown: ReadonlySet<number> = new Set([0xc000_00aa | 0, 0xc000_00ab | 0]);

/** The lengths that RFC 6052 §2.2 allows, the usual one first. */
const prefixLengths = [96, 64, 56, 48, 40, 32] as const;

/** Finds the prefix under which a NAT64 of this network reaches IPv4, by what its DNS server makes up (RFC 7050 §3). */
export async function findNat64(
  network: Pick<DiagnosisNetwork, 'clock' | 'lookUp'>,
  timeoutMs: number,
): Promise<Finding<{ readonly prefix: string | null }>> {
  const startedAt = network.clock.now();
  const addresses = await lookUpWithin(network, PROBE_NAME, AddressFamily.ipv6, timeoutMs);
  if (!addresses.ok) {
    if (addresses.error.code === 'ENODATA' || addresses.error.code === 'ENOTFOUND') {
      return unknown('The DNS server of this network names no NAT64.');
    }
    return unknown(`The DNS server of this network did not say whether there is a NAT64 (${addresses.error.code}).`);
  }
  const [prefix] = addresses.value.flatMap((ip) => nat64Prefix(ip) ?? []);
  if (prefix === undefined)
    return unknown('The DNS server of this network names a NAT64 with no prefix that could be read.');
  const evidence = `The DNS server makes an IPv6 address of ${PROBE_NAME}, which has none, with the prefix ${prefix}.`;
  return {
    state: 'found',
    value: { prefix },
    confidence: 'high',
    evidence,
    elapsedMs: network.clock.now() - startedAt,
  };
}

/** The prefix of an address that a DNS64 made of one of the well-known addresses; `undefined` of any other address. */
export function nat64Prefix(ip: IpAddress): string | undefined {
  const length = prefixLengths.find((bits) => wellKnown.has(embeddedIpv4(ip, bits)));
  return length === undefined ? undefined : `${withoutHost(ip, length).text}/${length}`;
}

/** The IPv4 address inside, which goes around the bits 64 to 71 (RFC 6052 §2.2). */
function embeddedIpv4(ip: IpAddress, prefixLength: number): number {
  const bytes = bytesOf(ip);
  const start = prefixLength / 8;
  const places =
    prefixLength === 96 ? [12, 13, 14, 15] : [0, 1, 2, 3].map((n) => (start + n < 8 ? start + n : start + n + 1));
  return places.reduce((word, place) => (word << 8) | bytes[place]!, 0);
}

function withoutHost(ip: IpAddress, prefixLength: number): IpAddress {
  const bytes = bytesOf(ip).fill(0, prefixLength / 8);
  const word = (n: number) => bytes.readInt32BE(4 * n);
  return new IpAddress(AddressFamily.ipv6, word(0), word(1), word(2), word(3));
}

function bytesOf({ w0, w1, w2, w3 }: IpAddress): Buffer {
  const bytes = Buffer.alloc(16);
  [w0, w1, w2, w3].forEach((word, n) => {
    bytes.writeInt32BE(word, 4 * n);
  });
  return bytes;
}
