// One libwebrtc peer that may only use a relay: npm package @roamhq/wrtc.
import wrtc from '@roamhq/wrtc';
import { iceServers } from './signaling.js';
import { talk } from './w3c-peer.js';

await talk(new wrtc.RTCPeerConnection({ iceServers, iceTransportPolicy: 'relay' }), async (connection) => {
  const stats = [...(await connection.getStats()).values()];
  const pair = stats.find((entry) => entry.type === 'candidate-pair' && entry.nominated && entry.state === 'succeeded');
  const typeOf = (id) => stats.find((entry) => entry.id === id)?.candidateType;
  return [typeOf(pair?.localCandidateId), typeOf(pair?.remoteCandidateId)];
});
