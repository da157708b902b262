import { isIPv4, isIPv6 } from 'node:net';
import { AddressFamily } from './protocol.ts';

/**
 * An IP address as its family and four 32-bit words, so that it can be compared, hashed and written without a string.
 * An IPv4 address lives in `w0`; the other words are 0.
 */
export interface AddressWords {
  readonly family: AddressFamily;
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
}

/** An IP address that does not change. Its text is made once, when it is first asked for. */
export class IpAddress implements AddressWords {
  readonly family: AddressFamily;
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
  #text: string | undefined;

  constructor(family: AddressFamily, w0: number, w1 = 0, w2 = 0, w3 = 0) {
    this.family = family;
    this.w0 = w0 | 0;
    this.w1 = w1 | 0;
    this.w2 = w2 | 0;
    this.w3 = w3 | 0;
  }

  /**
   * Reads strict dotted-quad IPv4 or RFC 4291 IPv6 text (a zone such as `%eth0` is dropped).
   * Shorthand such as `0x7f.1` is no address here.
   */
  static parse(text: string): IpAddress | undefined {
    const parsed = new MutableAddress();
    return parsed.setText(text) ? parsed.toIpAddress() : undefined;
  }

  /** A lasting copy of words that may change. */
  static from(words: AddressWords): IpAddress {
    return words instanceof IpAddress ? words : new IpAddress(words.family, words.w0, words.w1, words.w2, words.w3);
  }

  /** Canonical text: dotted quad, or RFC 5952. */
  get text(): string {
    this.#text ??= formatAddress(this);
    return this.#text;
  }

  toString(): string {
    return this.text;
  }
}

/** An IP address that is refilled for every packet, so that the packet path makes no objects. */
export class MutableAddress implements AddressWords {
  family: AddressFamily = AddressFamily.ipv4;
  w0 = 0;
  w1 = 0;
  w2 = 0;
  w3 = 0;

  set(family: AddressFamily, w0: number, w1: number, w2: number, w3: number): void {
    this.family = family;
    this.w0 = w0 | 0;
    this.w1 = w1 | 0;
    this.w2 = w2 | 0;
    this.w3 = w3 | 0;
  }

  copy(from: AddressWords): void {
    this.set(from.family, from.w0, from.w1, from.w2, from.w3);
  }

  /** Fills in from text; false, and unchanged, when the text is no IP address. */
  setText(text: string): boolean {
    if (isIPv4(text)) {
      this.set(AddressFamily.ipv4, parseIpv4(text, 0), 0, 0, 0);
      return true;
    }
    if (!isIPv6(text)) return false;
    parseIpv6(text, this);
    return true;
  }

  toIpAddress(): IpAddress {
    return new IpAddress(this.family, this.w0, this.w1, this.w2, this.w3);
  }
}

/** An IP address and a port. */
export interface TransportAddress {
  readonly ip: IpAddress;
  readonly port: number;
}

/** `192.0.2.1:3478` or `[2001:db8::1]:3478`. */
export function formatTransportAddress(address: TransportAddress): string {
  return address.ip.family === AddressFamily.ipv4
    ? `${address.ip.text}:${address.port}`
    : `[${address.ip.text}]:${address.port}`;
}

export function sameAddress(a: AddressWords, b: AddressWords): boolean {
  return a.family === b.family && a.w0 === b.w0 && a.w1 === b.w1 && a.w2 === b.w2 && a.w3 === b.w3;
}

/** True for `::ffff:a.b.c.d`, which dual-stack sockets report for IPv4 senders (RFC 4291 §2.5.5.2). */
export function isIpv4Mapped(address: AddressWords): boolean {
  return address.family === AddressFamily.ipv6 && address.w0 === 0 && address.w1 === 0 && address.w2 === 0xffff;
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback({ family, w0, w1, w2, w3 }: AddressWords): boolean {
  if (family === AddressFamily.ipv4) return w0 >>> 24 === 127;
  return w0 === 0 && w1 === 0 && w2 === 0 && w3 === 1;
}

/** Reads a dotted quad that is known to be valid. */
function parseIpv4(text: string, from: number): number {
  let word = 0;
  let octet = 0;
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      word = (word << 8) | octet;
      octet = 0;
    } else {
      octet = octet * 10 + (code - 0x30);
    }
  }
  return (word << 8) | octet;
}

const groups = new Uint16Array(8);

/** Reads IPv6 text that is known to be valid. */
function parseIpv6(text: string, into: MutableAddress): void {
  groups.fill(0);
  let count = 0;
  let gap = -1;
  let group = 0;
  let groupStart = 0;
  let i = 0;
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x25) break; // % starts a zone
    if (code === 0x3a) {
      if (i > groupStart) groups[count++] = group;
      else if (i > 0) gap = count;
      group = 0;
      groupStart = i + 1;
    } else if (code === 0x2e) {
      const end = text.indexOf('%', i);
      const word = parseIpv4(end < 0 ? text : text.slice(0, end), groupStart);
      groups[count++] = word >>> 16;
      groups[count++] = word & 0xffff;
      groupStart = i = text.length;
      break;
    } else {
      group = (group << 4) | hexDigit(code);
    }
  }
  if (groupStart < i) groups[count++] = group;
  if (gap >= 0) {
    groups.copyWithin(8 - (count - gap), gap, count);
    groups.fill(0, gap, 8 - (count - gap));
  }
  into.set(AddressFamily.ipv6, word(0), word(2), word(4), word(6));
}

function word(group: number): number {
  return (groups[group]! << 16) | groups[group + 1]!;
}

function hexDigit(code: number): number {
  return code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57;
}

function formatAddress(a: AddressWords): string {
  if (a.family === AddressFamily.ipv4) return formatIpv4(a.w0);
  if (isIpv4Mapped(a)) return `::ffff:${formatIpv4(a.w3)}`;
  const parts = [a.w0, a.w1, a.w2, a.w3].flatMap((w) => [w >>> 16, w & 0xffff]);
  const { start, length } = longestZeroRun(parts);
  const hex = parts.map((part) => part.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function formatIpv4(w: number): string {
  return `${w >>> 24}.${(w >>> 16) & 0xff}.${(w >>> 8) & 0xff}.${w & 0xff}`;
}

/** RFC 5952 §4.2: the longest run of zero groups is shortened, the first of equals. */
function longestZeroRun(parts: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= parts.length; i++) {
    if (parts[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}
