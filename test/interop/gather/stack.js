// What the scripts of this folder share: one peer connection of a WebRTC stack gathers its candidates.
//   in:  {"iceServers": […]}
//   out: {"candidates": ["candidate:…", …]}
// Some stacks go on for a long time where nothing can come, such as from loopback addresses. So it ends when nothing has come for a
// while; to find too few candidates by that would fail a test, and never pass one.
import { createInterface } from 'node:readline';

const QUIET_MS = 4000;

/** @param connectionWith makes an RTCPeerConnection of a configuration */
export async function gatherWith(connectionWith) {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const connection = connectionWith(JSON.parse((await lines.next()).value));
  connection.createDataChannel('gather');
  const candidates = [];
  const complete = new Promise((resolve) => {
    let quiet = setTimeout(resolve, QUIET_MS);
    connection.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate) return;
      candidates.push(candidate.candidate);
      clearTimeout(quiet);
      quiet = setTimeout(resolve, QUIET_MS);
    };
    connection.onicegatheringstatechange = () => {
      if (connection.iceGatheringState === 'complete') resolve();
    };
  });
  await connection.setLocalDescription(await connection.createOffer());
  await complete;
  process.stdout.write(`${JSON.stringify({ candidates })}\n`, () => process.exit(0));
}
