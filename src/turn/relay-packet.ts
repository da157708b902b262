/**
 * The packet path: what clients send to peers and peers to clients. One plain call per packet; nothing is allocated,
 * nothing is scanned, and every packet that goes nowhere is counted by its reason.
 */
import { mutableTransportAddress, readXorAddressInto } from '../stun/attributes/address.ts';
import { CHANNEL_DATA_HEADER_LENGTH, padChannelData, writeChannelDataHeader } from '../stun/channel-data.ts';
import { type AddressWords, sameAddress } from '../stun/ip-address.ts';
import type { StunMessage } from '../stun/message.ts';
import { AddressFamily, Attribute } from '../stun/protocol.ts';
import type { Allocation, Permission, RelayedAddress } from './allocation.ts';
import { dataIndicationHeaderLength, wrapInDataIndication } from './data-indication.ts';
import { Drop } from './drop-reason.ts';
import type { Listener } from './five-tuple.ts';
import { understandsAll } from './known-attributes.ts';
import { type Arrival, Verdict } from './packet.ts';
import { channelPart, type ServerState } from './server-state.ts';
import type { Instant } from './time.ts';

/** The most payload a UDP datagram over IPv4 can have. */
const LARGEST_DATAGRAM = 65_507;

/** ChannelData from a client (RFC 8656 §12.6). */
export function relayChannelData(state: ServerState, listener: Listener, arrival: Arrival, now: Instant): Verdict {
  const { buffer, start, end, source } = arrival;
  if (end - start < CHANNEL_DATA_HEADER_LENGTH) return state.drop(Drop['bad-channel-length']);
  const data = start + CHANNEL_DATA_HEADER_LENGTH;
  const dataEnd = data + buffer.readUInt16BE(start + 2);
  // Over UDP the datagram may be padded, so it may be longer than the length says, never shorter (RFC 8656 §12.5).
  if (dataEnd > end) return state.drop(Drop['bad-channel-length']);
  // The first byte has told ChannelData from STUN, so the two bits that channelPart leaves out are known.
  const part = channelPart(buffer.readUInt16BE(start));
  const binding = state.channelsByClient.get(listener.id, source.ip, source.port, part);
  if (binding === undefined) return state.drop(Drop['unknown-channel']);
  return sendToPeer(state, binding.allocation, binding.permission, binding.port, arrival, data, dataEnd, false, now);
}

const peer = mutableTransportAddress();

/** A Send indication from a client (RFC 8656 §11.2). */
export function relaySendIndication(
  state: ServerState,
  listener: Listener,
  message: StunMessage,
  arrival: Arrival,
  now: Instant,
): Verdict {
  const allocation = state.allocations.get(listener.id, arrival.source.ip, arrival.source.port);
  if (allocation === undefined) return state.drop(Drop['no-allocation']);
  const peerIndex = message.find(Attribute.xorPeerAddress);
  const dataIndex = message.find(Attribute.data);
  if (peerIndex < 0 || dataIndex < 0 || !readXorAddressInto(message, peerIndex, peer)) {
    return state.drop(Drop['bad-send-indication']);
  }
  if (!understandsAll(message, state.options)) return state.drop(Drop['bad-send-indication']);
  // RFC 6062 §5.1: connections carry the data of a TCP allocation, indications do not.
  if (allocation.transport === 'tcp') return state.drop(Drop['bad-send-indication']);
  const relayedAddress = allocation.relayedAddress(peer.ip.family);
  const permission = relayedAddress && state.permissions.get(relayedAddress.id, peer.ip, 0);
  if (permission === undefined) return state.drop(Drop['no-permission']);
  const data = message.offsetAt(dataIndex);
  const end = data + message.lengthAt(dataIndex);
  const dontFragment = message.has(Attribute.dontFragment) && heedsDontFragment(listener, arrival, peer.ip);
  return sendToPeer(state, allocation, permission, peer.port, arrival, data, end, dontFragment, now);
}

/** A datagram that arrived at a relay socket (RFC 8656 §11.3, §12.7). */
export function relayFromPeer(state: ServerState, at: RelayedAddress, arrival: Arrival, now: Instant): Verdict {
  const { source, start, end } = arrival;
  // A packet may have been on its way up when the socket was closed, and by now the address's id may be another's.
  if (at.state !== 'open') return state.drop(Drop['no-such-relay']);
  const sourceIp = sameAddress(source.ip, at.local.ip) ? knownAs(state, at, source.ip, source.port) : source.ip;
  return sendToClient(state, at, sourceIp, source.port, arrival, start, end, now);
}

/**
 * How clients know the sender of a packet that comes from our own address. From the port of a relay of this daemon it can only
 * be that relay's client, whom another server has, and who is known by its external address; else it is some program here.
 */
function knownAs(state: ServerState, at: RelayedAddress, ip: AddressWords, port: number): AddressWords {
  const here = state.relayElsewhere(at.family, port);
  return here !== undefined && sameAddress(here, ip) ? at.external.ip : ip;
}

function sendToPeer(
  state: ServerState,
  allocation: Allocation,
  permission: Permission,
  port: number,
  arrival: Arrival,
  start: number,
  end: number,
  dontFragment: boolean,
  now: Instant,
): Verdict {
  if (!permission.active) return state.drop(Drop['no-permission']);
  if (port === 0) return state.drop(Drop['bad-peer-port']);
  if (isLastHop(arrival)) return state.drop(Drop['ttl-expired']);
  const bytes = end - start;
  const over = state.overLimit(allocation, bytes, now);
  if (over >= 0) return state.drop(over);
  const from = permission.relayedAddress;
  let peer = permission.peer;
  if (permission.own) {
    const target = state.liveRelay(from.family, port);
    if (target?.transport === 'udp') {
      countFromClient(state, allocation, bytes);
      // Inside the process, and from the address that peers know: a 1:1 NAT may not lead such a packet back.
      return sendToClient(state, target, from.external.ip, from.external.port, arrival, start, end, now);
    }
  }
  const elsewhere = permission.own ? state.relayElsewhere(from.family, port) : undefined;
  if (elsewhere !== undefined) {
    // To another server of this daemon, whatever the policy says: no other program can have the port of an open relay.
    peer = elsewhere;
  } else if (!permission.reachable) {
    return state.drop(Drop['no-such-relay']);
  } else if (permission.servesHere && state.options.policy.isOwnService(peer, port)) {
    return state.drop(Drop['own-service']);
  }
  countFromClient(state, allocation, bytes);
  const departure = state.departure;
  departure.buffer = arrival.buffer;
  departure.start = start;
  departure.end = end;
  departure.ttl = nextTtl(arrival);
  departure.trafficClass = arrival.trafficClass;
  departure.fiveTuple = undefined;
  departure.relayedAddress = from;
  departure.peer = peer;
  departure.port = port;
  departure.dontFragment = dontFragment;
  return Verdict.toPeer;
}

function sendToClient(
  state: ServerState,
  at: RelayedAddress,
  sourceIp: AddressWords,
  sourcePort: number,
  arrival: Arrival,
  start: number,
  end: number,
  now: Instant,
): Verdict {
  const allocation = at.allocation;
  if (allocation === undefined) return state.drop(Drop['no-permission']);
  const binding = state.channelsByPeer.get(at.id, sourceIp, sourcePort);
  const permission = binding !== undefined ? binding.permission : state.permissions.get(at.id, sourceIp, 0);
  if (permission === undefined || !permission.active) return state.drop(Drop['no-permission']);
  // The header of a TCP segment is the connection's own affair (RFC 8656 §16).
  const overUdp = allocation.fiveTuple.listener.transport === 'udp';
  if (overUdp && isLastHop(arrival)) return state.drop(Drop['ttl-expired']);
  const bytes = end - start;
  const over = state.overLimit(allocation, bytes, now);
  if (over >= 0) return state.drop(over);
  const { buffer } = arrival;
  const departure = state.departure;
  departure.buffer = buffer;
  departure.ttl = overUdp ? nextTtl(arrival) : -1;
  departure.trafficClass = overUdp ? arrival.trafficClass : 0;
  if (binding !== undefined) {
    departure.start = start - CHANNEL_DATA_HEADER_LENGTH;
    departure.end = end;
    writeChannelDataHeader(buffer, departure.start, binding.channel, bytes);
    if (!overUdp) departure.end = padChannelData(buffer, departure.start, end);
  } else {
    departure.start = start - dataIndicationHeaderLength(sourceIp);
    if (end + 3 - departure.start > LARGEST_DATAGRAM) return state.drop(Drop['too-large']);
    departure.end = wrapInDataIndication(buffer, start, end, sourceIp, sourcePort, state.nextIndicationId());
  }
  if (departure.end - departure.start > LARGEST_DATAGRAM) return state.drop(Drop['too-large']);
  allocation.toClient.packets++;
  allocation.toClient.bytes += bytes;
  state.counters.toClients.packets++;
  state.counters.toClients.bytes += bytes;
  departure.fiveTuple = allocation.fiveTuple;
  departure.relayedAddress = undefined;
  return Verdict.toClient;
}

/**
 * Whether DONT-FRAGMENT counts: of a UDP client it is ignored where either side is IPv6, of a TCP client never
 * (RFC 8656 §13, §15).
 */
function heedsDontFragment(listener: Listener, arrival: Arrival, peer: AddressWords): boolean {
  if (listener.transport !== 'udp') return true;
  return arrival.source.ip.family === AddressFamily.ipv4 && peer.family === AddressFamily.ipv4;
}

/** A server is a hop: it sends on with one less than arrived, and a packet that arrived with 1 ends here (RFC 8656 §13). */
function isLastHop({ ttl }: Arrival): boolean {
  return ttl === 0 || ttl === 1;
}

function nextTtl({ ttl }: Arrival): number {
  return ttl < 0 ? -1 : ttl - 1;
}

function countFromClient(state: ServerState, allocation: Allocation, bytes: number): void {
  allocation.fromClient.packets++;
  allocation.fromClient.bytes += bytes;
  state.counters.fromClients.packets++;
  state.counters.fromClients.bytes += bytes;
}
