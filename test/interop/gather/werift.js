// WebRTC in TypeScript: npm package werift. It takes one STUN and one TURN server.
import { RTCPeerConnection } from 'werift';
import { gatherWith } from './stack.js';

await gatherWith(({ iceServers }) => new RTCPeerConnection({ iceServers }));
