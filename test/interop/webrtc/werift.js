// One werift peer (WebRTC in TypeScript) that may only use a relay.
import { RTCPeerConnection } from 'werift';
import { iceServers } from './signaling.js';
import { talk } from './w3c-peer.js';

// It takes one URL for each server.
const servers = iceServers.map(({ urls: [url], ...credentials }) => ({ urls: url, ...credentials }));
await talk(new RTCPeerConnection({ iceServers: servers, iceTransportPolicy: 'relay' }), async (connection) => {
  const pair = connection.iceTransports[0].connection.nominated;
  return [pair?.localCandidate.type, pair?.remoteCandidate.type];
});
