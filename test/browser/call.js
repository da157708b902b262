// What the page does: a call between two peers that may only use relays. One shows the other its camera, and what it says
// on a data channel is echoed.
const MESSAGES = 1000;
const FRAMES = 30;

/** @param iceServers what the daemon issued, just as it came */
globalThis.call = async (iceServers) => {
  const peers = [0, 1].map(() => new RTCPeerConnection({ iceServers, iceTransportPolicy: 'relay' }));
  const [caller, callee] = peers;
  const channel = caller.createDataChannel('echo');
  callee.ondatachannel = ({ channel: incoming }) => {
    incoming.onmessage = ({ data }) => incoming.send(data);
  };
  const camera = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 } });
  for (const track of camera.getTracks()) caller.addTrack(track, camera);

  const broken = Promise.race(peers.map(failureOf));
  const done = Promise.all([exchange(channel), watch(callee)]);
  try {
    await Promise.race([connect(caller, callee), broken]);
    const [echoed, framesShown] = await Promise.race([done, broken]);
    const stats = await Promise.all(peers.map(async (peer) => [...(await peer.getStats()).values()]));
    return { echoed, framesShown, framesDecoded: framesDecoded(stats[1]), pairs: stats.map(selectedPair) };
  } finally {
    for (const peer of peers) {
      peer.onicecandidate = null;
      peer.close();
    }
    for (const track of camera.getTracks()) track.stop();
  }
};

async function connect(caller, callee) {
  // A candidate waits for the description that it belongs to, as both are handed over in the same turn.
  caller.onicecandidate = ({ candidate }) => void callee.addIceCandidate(candidate);
  callee.onicecandidate = ({ candidate }) => void caller.addIceCandidate(candidate);
  const offer = await caller.createOffer();
  await Promise.all([caller.setLocalDescription(offer), callee.setRemoteDescription(offer)]);
  const answer = await callee.createAnswer();
  await Promise.all([callee.setLocalDescription(answer), caller.setRemoteDescription(answer)]);
}

/** Rejects when a peer gathers no candidate, or loses the other. */
function failureOf(peer) {
  const errors = [];
  let candidates = 0;
  return new Promise((_resolve, reject) => {
    const fail = (what) => reject(new Error(`${what}; ${errors.join(', ') || 'no server complained'}`));
    peer.addEventListener('icecandidateerror', (event) => {
      errors.push(`${event.url}: ${event.errorCode} ${event.errorText}`);
    });
    peer.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate?.candidate) candidates++;
    });
    peer.addEventListener('icegatheringstatechange', () => {
      if (peer.iceGatheringState === 'complete' && candidates === 0) fail('no relay was to be had');
    });
    peer.addEventListener('connectionstatechange', () => {
      if (peer.connectionState === 'failed') fail('the connection failed');
    });
  });
}

/** Sends different messages and resolves with how many came back, each once and as it was. */
function exchange(channel) {
  const waiting = new Set(Array.from({ length: MESSAGES }, (_, i) => `message ${i} ${'x'.repeat(i % 500)}`));
  return new Promise((resolve) => {
    let echoed = 0;
    channel.onmessage = ({ data }) => {
      if (waiting.delete(data)) echoed++;
      if (waiting.size === 0) resolve(echoed);
    };
    channel.onopen = () => {
      for (const message of waiting) channel.send(message);
    };
  });
}

/** Shows what comes from the other's camera and resolves when some frames of it were on the screen. */
function watch(peer) {
  const video = document.querySelector('video');
  return new Promise((resolve) => {
    let shown = 0;
    const frame = () => {
      shown++;
      if (shown === FRAMES) resolve(shown);
      else video.requestVideoFrameCallback(frame);
    };
    video.requestVideoFrameCallback(frame);
    peer.ontrack = ({ track }) => {
      video.srcObject = new MediaStream([track]);
    };
  });
}

function framesDecoded(stats) {
  return stats.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video')?.framesDecoded;
}

function selectedPair(stats) {
  const find = (wanted) => stats.find(({ id }) => id === wanted);
  const pair = find(stats.find(({ type }) => type === 'transport')?.selectedCandidatePairId);
  const [local, remote] = [find(pair?.localCandidateId), find(pair?.remoteCandidateId)];
  return { local: local?.candidateType, remote: remote?.candidateType, relayProtocol: local?.relayProtocol };
}
