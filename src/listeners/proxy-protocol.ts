import { IpAddress, isIpv4Mapped, type TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';

/**
 * What the beginning of a connection says about who is at its other end (the PROXY protocol of HAProxy, versions 1 and 2).
 * `client` is `undefined` when the header names nobody: then it is the socket's own address that counts.
 */
export type ProxyHeader =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed'; readonly why: string }
  | { readonly kind: 'complete'; readonly length: number; readonly client: TransportAddress | undefined };

const signature1 = Buffer.from('PROXY ', 'latin1');
const signature2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** The longest line of version 1, its line end included. */
const LONGEST_LINE = 107;
const FIXED_LENGTH = 16;
/** Addresses and as much of TLVs as a load balancer may sensibly add; the protocol itself would allow 64 KB. */
const LONGEST_BODY = 4096;

const Command = { local: 0, proxy: 1 } as const;
/** Where the addresses of TCP over IPv4 and IPv6 stand: source, destination, source port, destination port. */
const addressLayouts = new Map<number, { readonly family: AddressFamily; readonly bytes: number }>([
  [0x11, { family: AddressFamily.ipv4, bytes: 4 }],
  [0x21, { family: AddressFamily.ipv6, bytes: 16 }],
]);
/** Kinds of addresses that exist but name no TCP client: unspecified, UDP, and Unix sockets. */
const otherKinds = new Set([0x00, 0x12, 0x22, 0x31, 0x32]);

const incomplete: ProxyHeader = { kind: 'incomplete' };

/**
 * Reads the PROXY header with which these bytes begin.
 *
 * @example
 * const header = parseProxyHeader(bytes);
 * if (header.kind === 'complete') rest = bytes.subarray(header.length);
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (beginsWith(bytes, signature2)) return bytes.length < FIXED_LENGTH ? incomplete : parseVersion2(bytes);
  if (beginsWith(bytes, signature1)) return parseVersion1(bytes);
  return malformed('it does not begin with a PROXY header');
}

/** Whether this is the beginning of a PROXY header, be it cut off. */
export function looksLikeProxyHeader(bytes: Buffer): boolean {
  return bytes.length > 0 && (beginsWith(bytes, signature1) || beginsWith(bytes, signature2));
}

/** The address that packets really come from: IPv4 is IPv4, also where a dual-stack socket writes it as IPv6. */
export function canonicalAddress(ip: IpAddress): IpAddress {
  return isIpv4Mapped(ip) ? new IpAddress(AddressFamily.ipv4, ip.w3) : ip;
}

/** Whether the bytes that are there agree with those that are expected. */
function beginsWith(bytes: Buffer, expected: Buffer): boolean {
  const length = Math.min(bytes.length, expected.length);
  return bytes.compare(expected, 0, length, 0, length) === 0;
}

function parseVersion1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, LONGEST_LINE).indexOf('\r\n');
  if (end < 0) return bytes.length < LONGEST_LINE ? incomplete : malformed('its line does not end');
  const length = end + 2;
  const [, protocol, source, destination, sourcePort, destinationPort, ...more] = bytes
    .toString('latin1', 0, end)
    .split(' ');
  // Whatever else stands in the line is to be ignored.
  if (protocol === 'UNKNOWN') return { kind: 'complete', length, client: undefined };
  const family = protocol === 'TCP4' ? AddressFamily.ipv4 : AddressFamily.ipv6;
  const client = parseTextAddress(source, sourcePort, family);
  const server = parseTextAddress(destination, destinationPort, family);
  if ((protocol !== 'TCP4' && protocol !== 'TCP6') || !client || !server || more.length > 0) {
    return malformed('its line cannot be read');
  }
  return { kind: 'complete', length, client };
}

function parseTextAddress(
  text: string | undefined,
  port: string | undefined,
  family: AddressFamily,
): TransportAddress | undefined {
  const ip = text === undefined || text.includes('%') ? undefined : IpAddress.parse(text);
  const fits = port !== undefined && /^(0|[1-9]\d{0,4})$/.test(port) && Number(port) <= 65_535;
  return ip?.family === family && fits ? { ip: canonicalAddress(ip), port: Number(port) } : undefined;
}

function parseVersion2(bytes: Buffer): ProxyHeader {
  const versionAndCommand = bytes[12]!;
  const kind = bytes[13]!;
  const bodyLength = bytes.readUInt16BE(14);
  const command = versionAndCommand & 0x0f;
  if (versionAndCommand >>> 4 !== 2) return malformed('its version is neither 1 nor 2');
  if (command !== Command.local && command !== Command.proxy) return malformed('its command is unknown');
  if (bodyLength > LONGEST_BODY) return malformed(`it is longer than ${LONGEST_BODY} bytes`);
  const layout = addressLayouts.get(kind);
  // A LOCAL header is the load balancer's own business, such as a health check; what it says is not looked at.
  const named = command === Command.proxy ? layout : undefined;
  if (command === Command.proxy && layout === undefined && !otherKinds.has(kind)) {
    return malformed('its kind of address is unknown');
  }
  if (named !== undefined && bodyLength < 2 * named.bytes + 4) return malformed('its addresses are cut off');
  const length = FIXED_LENGTH + bodyLength;
  if (bytes.length < length) return incomplete;
  return { kind: 'complete', length, client: named && readAddress(bytes, named) };
}

function readAddress(bytes: Buffer, layout: { family: AddressFamily; bytes: number }): TransportAddress {
  const word = (i: number) => (i * 4 < layout.bytes ? bytes.readInt32BE(FIXED_LENGTH + i * 4) : 0);
  const ip = new IpAddress(layout.family, word(0), word(1), word(2), word(3));
  return { ip: canonicalAddress(ip), port: bytes.readUInt16BE(FIXED_LENGTH + 2 * layout.bytes) };
}

function malformed(why: string): ProxyHeader {
  return { kind: 'malformed', why };
}
