// A peer on a stack with the W3C interface: the call itself, the same for each of them.
import { exchange, onSignal, role, signal } from './signaling.js';

/**
 * @param connection an RTCPeerConnection that may only use relays
 * @param typesOfPair tells the types of the candidates in use, local and remote
 */
export async function talk(connection, typesOfPair) {
  // Nobody would hear of a call that comes to nothing.
  connection.onconnectionstatechange = () => {
    if (connection.connectionState === 'failed') process.exit(1);
  };
  connection.onicecandidate = ({ candidate }) => candidate && signal({ candidate });
  // A candidate may come before the description that it belongs to.
  let described;
  const description = new Promise((resolve) => {
    described = resolve;
  });
  onSignal(async (message) => {
    if (message.candidate) {
      await description;
      await connection.addIceCandidate(message.candidate);
      return;
    }
    await connection.setRemoteDescription(message);
    described();
    if (role === 'callee') {
      await connection.setLocalDescription(await connection.createAnswer());
      signal(connection.localDescription);
    }
  });

  if (role === 'callee') {
    connection.ondatachannel = ({ channel }) => {
      channel.onmessage = ({ data }) => channel.send(data);
    };
    return;
  }
  const channel = connection.createDataChannel('echo');
  const opened = new Promise((resolve) => {
    channel.onopen = resolve;
  });
  await connection.setLocalDescription(await connection.createOffer());
  signal(connection.localDescription);
  await opened;
  const echoed = await exchange(
    (text) => channel.send(text),
    (receive) => {
      channel.onmessage = ({ data }) => receive(data);
    },
  );
  signal({ result: { echoed, candidates: await typesOfPair(connection) } });
}
