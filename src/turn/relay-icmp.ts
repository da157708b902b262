/** ICMP errors about packets that relay sockets sent, on their way to the client (RFC 8656 §11.5). */
import { writeXorAddress } from '../stun/attributes/address.ts';
import { writeIcmp } from '../stun/attributes/icmp.ts';
import { AddressFamily, Attribute, MessageClass, Method } from '../stun/protocol.ts';
import type { RelayedAddress } from './allocation.ts';
import { Drop } from './drop-reason.ts';
import type { IcmpArrival } from './packet.ts';
import type { ServerState } from './server-state.ts';
import type { Instant } from './time.ts';

/** Destination Unreachable and Time Exceeded (RFC 792). */
const icmpTypes: readonly number[] = [3, 11];
/** Destination Unreachable, Packet Too Big and Time Exceeded (RFC 4443). */
const icmpv6Types: readonly number[] = [1, 2, 3];

/** Tells a client of an ICMP error, if the peer that its packet was for has a permission; its port does not matter. */
export function relayIcmp(state: ServerState, at: RelayedAddress, error: IcmpArrival, now: Instant): void {
  const { peer, type } = error;
  const { allocation } = at;
  if (at.state !== 'open' || allocation === undefined) {
    state.drop(Drop['no-such-relay']);
    return;
  }
  if (!(peer.ip.family === AddressFamily.ipv4 ? icmpTypes : icmpv6Types).includes(type)) {
    state.drop(Drop['icmp-type']);
    return;
  }
  if (!state.permissions.get(at.id, peer.ip, 0)?.active) {
    state.drop(Drop['no-permission']);
    return;
  }
  // A packet without payload as far as the rates are concerned, so that nobody is flooded with errors.
  const over = state.overLimit(allocation, 0, now);
  if (over >= 0) {
    state.drop(over);
    return;
  }
  const { listener, client } = allocation.fiveTuple;
  const { writer } = state;
  writer.begin(MessageClass.indication, Method.data, state.options.random.bytes(12));
  writeXorAddress(writer, Attribute.xorPeerAddress, peer);
  writeIcmp(writer, { type, code: error.code, data: carriesMtu(error) ? error.data : 0 });
  state.emit({ kind: 'transmit', listener, client, bytes: writer.finish() });
}

/** Error Data is the next hop's MTU in "too big" errors, and zero in all others (RFC 8656 §18.13). */
function carriesMtu({ peer, type, code }: IcmpArrival): boolean {
  return peer.ip.family === AddressFamily.ipv4 ? type === 3 && code === 4 : type === 2;
}
