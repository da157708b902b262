// One libdatachannel peer that hands out relay candidates only: npm package node-datachannel.
import nodeDataChannel from 'node-datachannel';
import { exchange, iceServers, onSignal, role, signal } from './signaling.js';

// It takes one URL for each server, with the credentials apart.
const turn = iceServers.find(({ username }) => username !== undefined);
const [, hostname, port] = /^turn:(.+):(\d+)\?transport=udp$/.exec(turn.urls[0]);
const server = {
  hostname,
  port: Number(port),
  username: turn.username,
  password: turn.credential,
  relayType: 'TurnUdp',
};
const connection = new nodeDataChannel.PeerConnection(role, { iceServers: [server], iceTransportPolicy: 'relay' });

const candidates = new Set();
connection.onLocalDescription((sdp, type) => signal({ sdp, type }));
connection.onLocalCandidate((candidate, mid) => {
  candidates.add(/ typ (\w+)/.exec(candidate)[1]);
  signal({ candidate, mid });
});
onSignal((message) => {
  if (message.candidate) connection.addRemoteCandidate(message.candidate, message.mid);
  else connection.setRemoteDescription(message.sdp, message.type);
});

if (role === 'callee') {
  connection.onDataChannel((channel) => {
    channel.onMessage((message) => channel.sendMessage(message));
  });
} else {
  const channel = connection.createDataChannel('echo');
  await new Promise((resolve) => channel.onOpen(resolve));
  const echoed = await exchange(
    (text) => channel.sendMessage(text),
    (receive) => channel.onMessage(receive),
  );
  signal({ result: { echoed, candidates: [...candidates] } });
}
