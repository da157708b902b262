import { readIfPresent } from '../../client/stun-client.ts';
import { readAddress } from '../../stun/attributes/address.ts';
import { formatTransportAddress, sameAddress, type TransportAddress } from '../../stun/ip-address.ts';
import { AddressFamily, Attribute } from '../../stun/protocol.ts';
import { sameEndpoint } from '../probes/sighting.ts';
import type { Greeting } from './greeting.ts';

/** A server with the two addresses and ports of RFC 5780 §6, as far as its own words go. */
export interface DiscoveryServer {
  /** A:P1, as it was given. */
  readonly primary: TransportAddress;
  /** B:P2, from OTHER-ADDRESS. */
  readonly other: TransportAddress;
  /** B:P1 */
  readonly otherIp: TransportAddress;
  /** A:P2 */
  readonly otherPort: TransportAddress;
  readonly roundTripMs: number;
}

/** What a first answer says about its server. */
export interface Claims {
  /** `undefined` for a plain STUN server, and for one whose words contradict each other. */
  readonly discovery: DiscoveryServer | undefined;
  /** What is odd about it, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Reads what a server says of itself (RFC 5780 §7.3, §7.4): OTHER-ADDRESS must differ in both address and port, and
 * RESPONSE-ORIGIN must be where the answer came from.
 */
export function readClaims(server: TransportAddress, { answer }: Extract<Greeting, { kind: 'answered' }>): Claims {
  const { message, from, elapsedMs } = answer;
  const other =
    readIfPresent(message, Attribute.otherAddress, readAddress) ??
    readIfPresent(message, Attribute.changedAddress, readAddress);
  if (other === undefined) return { discovery: undefined, notes: [] };
  const origin =
    readIfPresent(message, Attribute.responseOrigin, readAddress) ??
    readIfPresent(message, Attribute.sourceAddress, readAddress);
  if (origin !== undefined && !sameEndpoint(origin, from)) {
    return plain(
      `It says that it answers from ${formatTransportAddress(origin)}, but its answers come from ${formatTransportAddress(from)}: there is a NAT in front of it.`,
    );
  }
  const text = formatTransportAddress(other);
  if (sameAddress(other.ip, server.ip) || other.port === server.port) {
    return plain(
      `Its other address, ${text}, does not differ in both address and port, so it cannot be used for tests.`,
    );
  }
  if (!isHostAddress(other, server)) return plain(`Its other address, ${text}, is none that could be asked.`);
  const discovery = {
    primary: server,
    other,
    otherIp: { ip: other.ip, port: server.port },
    otherPort: { ip: server.ip, port: other.port },
    roundTripMs: elapsedMs,
  };
  return { discovery, notes: [] };
}

function plain(note: string): Claims {
  return { discovery: undefined, notes: [note] };
}

/** Whether packets may be sent there on a stranger's word: to a host of the same family, not to this machine or to a group. */
function isHostAddress({ ip, port }: TransportAddress, server: TransportAddress): boolean {
  if (port === 0 || ip.family !== server.ip.family) return false;
  if (ip.family === AddressFamily.ipv4) {
    const first = ip.w0 >>> 24;
    return first !== 0 && first < 224 && (first !== 127 || server.ip.w0 >>> 24 === 127);
  }
  const isLow = ip.w0 === 0 && ip.w1 === 0 && ip.w2 === 0 && ip.w3 >>> 0 <= 1;
  return !isLow && ip.w0 >>> 24 !== 0xff;
}
