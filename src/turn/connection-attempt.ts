import { writeXorAddress } from '../stun/attributes/address.ts';
import { writeConnectionId } from '../stun/attributes/allocation.ts';
import { sameAddress, type TransportAddress } from '../stun/ip-address.ts';
import { Attribute, MessageClass, Method } from '../stun/protocol.ts';
import type { RelayedAddress } from './allocation.ts';
import { tooMany } from './connect.ts';
import { Drop } from './drop-reason.ts';
import { CONNECTION_TIMEOUT_MS, PeerConnection } from './peer-connection.ts';
import type { ServerState } from './server-state.ts';
import { after, type Time } from './time.ts';

/**
 * A peer has connected to a relayed address (RFC 6062 §5.3). With a permission its client is told, and has 30 s to bind it.
 *
 * @returns the connection, or `undefined` when it is to be closed at once.
 */
export function connectionAttempt(
  state: ServerState,
  at: RelayedAddress,
  from: TransportAddress,
  time: Time,
): PeerConnection | undefined {
  const { allocation } = at;
  if (allocation === undefined || at.state !== 'open') return undefined;
  // A client of this server comes from its relayed address, which peers know in its external form.
  const ip = sameAddress(from.ip, at.local.ip) ? at.external.ip : from.ip;
  const permission = state.permissions.get(at.id, ip, 0);
  if (permission === undefined || !permission.active) {
    state.drop(Drop['no-permission']);
    return undefined;
  }
  if (tooMany(allocation) !== undefined) {
    state.drop(Drop['too-many-connections']);
    return undefined;
  }
  const peer = { ip: permission.peer, port: from.port };
  const connection = new PeerConnection(state.takeConnectionId(), allocation, at, peer, from);
  connection.state = 'waiting';
  state.addConnection(connection, after(time.instant, CONNECTION_TIMEOUT_MS));
  const { listener, client } = allocation.fiveTuple;
  const { writer } = state;
  writer.begin(MessageClass.indication, Method.connectionAttempt, state.options.random.bytes(12));
  writeConnectionId(writer, connection.id);
  writeXorAddress(writer, Attribute.xorPeerAddress, peer);
  state.emit({ kind: 'transmit', listener, client, bytes: writer.finish() });
  return connection;
}
