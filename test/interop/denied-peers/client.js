// Tries every way in which a client can reach a peer, for each of many peers, and says what the server answered.
// Standard input: {server, credentials, http, allowed, peers}; addresses are {address, port}.
// Standard output: one JSON document, after which the server has dealt with everything that was sent.
import { text } from 'node:stream/consumers';
import { diagnosticRetransmission } from '../../../dist/client/retransmission.js';
import { openTurnClient } from '../../../dist/client/turn-client.js';
import { CHANNEL_FIRST } from '../../../dist/stun/channel-data.js';
import { formatTransportAddress, IpAddress } from '../../../dist/stun/ip-address.js';
import { AddressFamily } from '../../../dist/stun/protocol.js';

const { server, credentials, http, allowed, peers } = JSON.parse(await text(process.stdin));
const parse = ({ address, port }) => ({ ip: IpAddress.parse(address), port });
/** A Binding request, which a STUN server would answer, with room for a word behind it. */
const bindingRequest = Buffer.from('000100002112a442', 'hex');
const payload = (what, peer) =>
  Buffer.concat([bindingRequest, Buffer.from(` ${what} ${formatTransportAddress(peer)}`)]);
const outcome = (result) => (result.ok ? 'granted' : (result.error.code ?? result.error.kind));

const client = await openTurnClient({
  server: parse(server),
  credentials,
  retransmission: diagnosticRetransmission(),
});
if (!client.ok) throw new Error(client.error.message);
const allocated = await client.value.allocate({ additionalAddressFamily: AddressFamily.ipv6 });
if (!allocated.ok) throw new Error(JSON.stringify(allocated.error));
const allocation = allocated.value;
const allowedPeers = allowed.map(parse);

const attempts = [];
let channel = CHANNEL_FIRST;
for (const peer of peers.map(parse)) {
  allocation.send(peer, payload('before-permission', peer));
  const permission = outcome(await allocation.createPermission([peer]));
  const together = outcome(await allocation.createPermission([...allowedPeers, peer]));
  allocation.send(peer, payload('after-permission', peer));
  const binding = outcome(await allocation.bindChannel(peer));
  // With no channel bound this is another Send indication.
  allocation.send(peer, payload('after-channel', peer));
  allocation.sendOnChannel(channel++, payload('on-channel', peer));
  attempts.push({ peer: formatTransportAddress(peer), permission, together, binding });
}
for (const peer of allowedPeers) {
  await allocation.createPermission([peer]);
  allocation.send(peer, Buffer.from('in an indication'));
  await allocation.bindChannel(peer);
  allocation.send(peer, Buffer.from('over a channel'));
}
// The server takes packets in their order, so that all are dealt with when this is answered.
await allocation.close();
client.value.close();
const metrics = await (await fetch(`${http}/metrics`)).text();
process.stdout.write(
  `${JSON.stringify({ relayed: allocation.granted.relayedAddresses.map(formatTransportAddress), attempts, metrics })}\n`,
);
