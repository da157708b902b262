import { readXorAddress } from '../stun/attributes/address.ts';
import { readChannelNumber } from '../stun/attributes/allocation.ts';
import { CHANNEL_FIRST, CHANNEL_LAST, CHANNEL_LAST_RFC5766 } from '../stun/channel-data.ts';
import { sameAddress, type TransportAddress } from '../stun/ip-address.ts';
import { Attribute, ErrorCode } from '../stun/protocol.ts';
import type { Allocation } from './allocation.ts';
import { Drop } from './drop-reason.ts';
import { mayPermit, newPeersOf } from './peer-admission.ts';
import { type AuthenticatedRequest, answerContext, type Refusal, refuse, succeed } from './request.ts';
import type { ServerState } from './server-state.ts';

/** Binds a channel to a peer, or renews the binding, and gives the peer a permission (RFC 8656 §12.2). */
export function channelBind(
  state: ServerState,
  request: AuthenticatedRequest,
  allocation: Allocation,
): Refusal | undefined {
  const { message, time } = request;
  const { limits, rfc5766Channels } = state.options;
  const channelIndex = message.find(Attribute.channelNumber);
  const peerIndex = message.find(Attribute.xorPeerAddress);
  const channel = channelIndex < 0 ? undefined : readChannelNumber(message, channelIndex);
  const peer = peerIndex < 0 ? undefined : readXorAddress(message, peerIndex);
  if (channel === undefined) return refuse(ErrorCode.badRequest, 'CHANNEL-NUMBER is missing or malformed');
  if (peer === undefined) return refuse(ErrorCode.badRequest, 'XOR-PEER-ADDRESS is missing or malformed');

  if (allocation.transport === 'tcp') return refuse(ErrorCode.forbidden, 'a TCP allocation has no channels');
  if (channel < CHANNEL_FIRST || channel > (rfc5766Channels ? CHANNEL_LAST_RFC5766 : CHANNEL_LAST)) {
    const hint = channel > CHANNEL_LAST && channel <= CHANNEL_LAST_RFC5766 ? '; see relay.rfc5766Channels' : '';
    return refuse(ErrorCode.badRequest, `channel 0x${channel.toString(16)} is outside the range of channels${hint}`);
  }
  if (state.options.policy.isOwnService(peer.ip, peer.port)) {
    return refuse(ErrorCode.forbidden, 'the peer address is one on which this server listens');
  }
  const refusal = mayPermit(state, allocation, peer.ip) ?? conflict(state, allocation, channel, peer);
  if (refusal !== undefined) return refusal;

  const newPeers = newPeersOf(state, allocation, [peer.ip]);
  if (!allocation.channels.has(channel) && allocation.channels.size >= limits.channelsPerAllocation) {
    return refuse(ErrorCode.insufficientCapacity, 'the allocation has as many channels as it may');
  }
  if (allocation.permissions.size + newPeers > limits.permissionsPerAllocation) {
    return refuse(ErrorCode.insufficientCapacity, 'the allocation has as many permissions as it may');
  }
  if (!allocation.newPeers.take(newPeers, time.instant)) {
    state.drop(Drop['new-peer-rate']);
    return undefined;
  }
  const permission = state.permit(allocation.relayedAddress(peer.ip.family)!, peer.ip, time.instant);
  state.bindChannel(allocation, permission, channel, peer.port, time.instant);
  succeed(state, answerContext(request, request.authenticated));
  return undefined;
}

/** A channel stands for one peer, and a peer has one channel, until the binding ends (RFC 8656 §12.2). */
function conflict(
  state: ServerState,
  allocation: Allocation,
  channel: number,
  peer: TransportAddress,
): Refusal | undefined {
  const byNumber = allocation.channels.get(channel);
  if (byNumber !== undefined && !(sameAddress(byNumber.permission.peer, peer.ip) && byNumber.port === peer.port)) {
    return refuse(ErrorCode.badRequest, `channel 0x${channel.toString(16)} is bound to another peer`);
  }
  const relayed = allocation.relayedAddress(peer.ip.family)!;
  const byPeer = state.channelsByPeer.get(relayed.id, peer.ip, peer.port);
  return byPeer !== undefined && byPeer.channel !== channel
    ? refuse(ErrorCode.badRequest, `the peer is bound to channel 0x${byPeer.channel.toString(16)}`)
    : undefined;
}
