// Tries every way in which a client can reach a peer, for each of many peers, and says what the server answered.
// Standard input: {server, credentials, transport, http, allowed, peers}; addresses are {address, port}.
// Standard output: one JSON document, after which the server has dealt with everything that was sent.
import { text } from 'node:stream/consumers';
import { diagnosticRetransmission } from '../../../dist/client/retransmission.js';
import { allocateTcp } from '../../../dist/client/tcp-allocation.js';
import { openTurnClient } from '../../../dist/client/turn-client.js';
import { CHANNEL_FIRST } from '../../../dist/stun/channel-data.js';
import { formatTransportAddress, IpAddress } from '../../../dist/stun/ip-address.js';
import { AddressFamily } from '../../../dist/stun/protocol.js';

const { server, credentials, transport, http, allowed, peers } = JSON.parse(await text(process.stdin));
const parse = ({ address, port }) => ({ ip: IpAddress.parse(address), port });
/** A Binding request, which a STUN server would answer, with room for a word behind it. */
const bindingRequest = Buffer.from('000100002112a442', 'hex');
const payload = (what, peer) =>
  Buffer.concat([bindingRequest, Buffer.from(` ${what} ${formatTransportAddress(peer)}`)]);
const outcome = (result) => (result.ok ? 'granted' : (result.error.code ?? result.error.kind));

const options = { server: parse(server), credentials, transport, retransmission: diagnosticRetransmission() };
const open = async () => {
  const client = await openTurnClient(options);
  if (!client.ok) throw new Error(client.error.message);
  return client;
};
const client = await open();
const allocated = await client.value.allocate({ additionalAddressFamily: AddressFamily.ipv6 });
if (!allocated.ok) throw new Error(JSON.stringify(allocated.error));
const allocation = allocated.value;
/** An allocation that relays TCP, which only clients over a stream can have. */
const connector = transport.kind === 'udp' ? undefined : await allocateTcp((await open()).value, options);
const connectorIpv6 =
  connector && (await allocateTcp((await open()).value, options, { addressFamily: AddressFamily.ipv6 }));
const connect = async (peer) => {
  const relay = peer.ip.family === AddressFamily.ipv4 ? connector : connectorIpv6;
  return relay && outcome(await relay.value.connect(peer));
};
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
  const connection = await connect(peer);
  attempts.push({ peer: formatTransportAddress(peer), permission, together, binding, connection });
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
await connector?.value.allocation.close();
await connectorIpv6?.value.allocation.close();
const metrics = await (await fetch(`${http}/metrics`)).text();
process.stdout.write(
  `${JSON.stringify({ relayed: allocation.granted.relayedAddresses.map(formatTransportAddress), attempts, metrics })}\n`,
  () => process.exit(0),
);
