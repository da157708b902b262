import { IpAddress } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';
import { valueIn } from '../finding.ts';
import { isPrivate } from '../private-address.ts';
import type { Diagnosis } from '../report.ts';

/** How near two networks are to each other, as far as it can be told. */
export interface Nearness {
  /**
   * `alike`: one machine twice, or two places with the very same addresses; `same-lan`: one local network; `perhaps-same-lan`: by the addresses it looks like it, which two homes
   * behind one carrier may do as well; `same-public-address`: behind one address, in places that may or may not be connected;
   * `same-carrier`: in different places behind the one NAT of a provider.
   */
  readonly kind: 'apart' | 'alike' | 'same-lan' | 'perhaps-same-lan' | 'same-public-address' | 'same-carrier';
  /** What tells it. */
  readonly why: string;
  /** Whether the NAT that both are behind sends packets for its own address back inside, where it is known. */
  readonly hairpin: boolean | undefined;
}

const apart: Nearness = { kind: 'apart', why: 'they have different public addresses', hairpin: undefined };

/** Compares what two diagnoses know of the places they were made at. The order of the two does not matter. */
export function nearness(a: Diagnosis, b: Diagnosis): Nearness {
  const found = { ...apart, hairpin: sharedHairpin(a, b) };
  const [links, otherLinks] = [globalIpv6(a), globalIpv6(b)];
  if (shared(links, otherLinks) !== undefined) {
    return { ...found, kind: 'alike', why: 'both have the same IPv6 address' };
  }
  const link = sharedPrefix(links, otherLinks, 64);
  if (link !== undefined) {
    return { ...found, kind: 'same-lan', why: `both have an IPv6 address of one link (${link} …)` };
  }
  const publicAddress = shared(publicIpv4(a), publicIpv4(b));
  return publicAddress === undefined ? found : { ...found, ...behindOne(a, b, `both were seen as ${publicAddress}`) };
}

/** What two with one public address have in common besides. */
function behindOne(a: Diagnosis, b: Diagnosis, both: string): Pick<Nearness, 'kind' | 'why'> {
  const wans = [a, b].map(wanAddress).filter((one) => one !== undefined);
  const [wan, otherWan] = wans.length === 2 ? wans : [];
  if (wan?.text !== otherWan?.text) {
    return { kind: 'same-carrier', why: `${both}, and their routers have different addresses` };
  }
  const carrier = [a, b].some(({ gateway }) => valueIn(gateway)?.carrierNat === true);
  // Addresses of carriers are told apart behind one NAT.
  const oneRouter = wan !== undefined && !isPrivate(wan);
  if ((oneRouter || !carrier) && shared(localIpv4(a), localIpv4(b)) !== undefined) {
    return { kind: 'alike', why: `${both}, from the same local address` };
  }
  if (oneRouter) return { kind: 'same-lan', why: `${both}, and their router has one address (${wan.text})` };
  if (!carrier && sharedPrefix(localIpv4(a), localIpv4(b), 24) !== undefined) {
    return { kind: 'perhaps-same-lan', why: `${both}, and their local addresses are of one network` };
  }
  return { kind: 'same-public-address', why: both };
}

function sharedHairpin(a: Diagnosis, b: Diagnosis): boolean | undefined {
  const known = [a, b].map(({ ipv4 }) => valueIn(ipv4.hairpin)).filter((one) => one !== undefined);
  return known.length === 0 ? undefined : known.every((one) => one);
}

function publicIpv4({ ipv4 }: Diagnosis): IpAddress[] {
  return addresses(ipv4.mapped, AddressFamily.ipv4);
}

function localIpv4({ ipv4 }: Diagnosis): IpAddress[] {
  return addresses(ipv4.local === null ? [] : [ipv4.local], AddressFamily.ipv4);
}

/** Of the interfaces that lead to a link; those of a VPN or of virtual machines do not. */
function globalIpv6({ ipv6, interfaces }: Diagnosis): IpAddress[] {
  const linked = interfaces.filter(({ kind }) => kind !== 'vpn' && kind !== 'virtual');
  const all = linked.flatMap((one) => one.addresses);
  const onLink = interfaces.length === 0 && ipv6.local !== null ? [ipv6.local] : all;
  // 2000::/3 is what is routed in the internet; of other prefixes two networks may have the same.
  return addresses(onLink, AddressFamily.ipv6).filter(({ w0 }) => w0 >>> 29 === 1);
}

function wanAddress({ gateway }: Diagnosis): IpAddress | undefined {
  const text = valueIn(gateway)?.wanAddress ?? undefined;
  return text === undefined ? undefined : IpAddress.parse(text);
}

/** Addresses of one family in text with or without port, prefix length and zone. */
function addresses(texts: readonly string[], family: AddressFamily): IpAddress[] {
  return texts.map(ipOf).filter((ip): ip is IpAddress => ip?.family === family);
}

function ipOf(text: string): IpAddress | undefined {
  const bracketed = /^\[([^\]]+)\]/.exec(text)?.[1];
  const bare = bracketed ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text.replace(/\/\d+$/, '');
  return IpAddress.parse(bare);
}

function shared(a: readonly IpAddress[], b: readonly IpAddress[]): string | undefined {
  return a.find((one) => b.some((other) => one.text === other.text))?.text;
}

/** The beginning that an address of each has in common, as text. */
function sharedPrefix(a: readonly IpAddress[], b: readonly IpAddress[], bits: 24 | 64): string | undefined {
  const common = a.find((one) => b.some((other) => prefix(one, bits) === prefix(other, bits)));
  return common && prefix(common, bits);
}

function prefix({ w0, w1 }: IpAddress, bits: 24 | 64): string {
  const hex = (word: number) =>
    (word >>> 0)
      .toString(16)
      .padStart(8, '0')
      .replace(/(....)(....)/, '$1:$2');
  return bits === 24 ? String(w0 >>> 8) : `${hex(w0)}:${hex(w1)}`;
}
