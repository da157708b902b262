// One side of connections between homes, as ICE makes them: it learns how a server sees a new socket, then sends checks to the
// far side's address, and to every address that a check came from. A check has worked when its answer comes from where it
// went to (RFC 8445 §7.2.5.2.1). Commands come as lines of JSON, and so do the results.
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { bindingRequest, readAnswer } from './stun-binding.js';

const sockets = new Map();

createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line);
  if (command.do === 'open') open(command);
  else sockets.get(command.id).punch(command);
});

function report(result) {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** Opens a socket and reports how the server sees it; `null` when the server does not answer. */
function open({ id, local, server }) {
  const socket = createSocket(server.address.includes(':') ? 'udp6' : 'udp4');
  const request = bindingRequest();
  const learn = () => socket.send(request, server.port, server.address, () => {});
  const repeat = setInterval(learn, 250);
  const learned = (mapped) => {
    clearInterval(repeat);
    clearTimeout(patience);
    socket.removeAllListeners('message');
    report({ id, mapped });
  };
  const patience = setTimeout(() => learned(null), 2000);
  socket.on('message', (bytes) => {
    const answer = readAnswer(bytes, request);
    if (answer) learned(answer.get(0x0020));
  });
  socket.bind(0, local, learn);
  sockets.set(id, { punch: (command) => punch(socket, command) });
}

/** Sends checks to the far side for a while, and reports how many have worked. */
function punch(socket, { id, peer, milliseconds }) {
  const targets = new Map([[`${peer.address} ${peer.port}`, peer]]);
  let worked = 0;
  socket.on('message', (bytes, { address, port }) => {
    const key = `${address} ${port}`;
    if (bytes.toString() === `check ${id}`) {
      targets.set(key, { address, port });
      socket.send(`answer ${id}`, port, address, () => {});
    } else if (bytes.toString() === `answer ${id}` && targets.has(key)) worked++;
  });
  const check = () => {
    for (const { address, port } of targets.values()) socket.send(`check ${id}`, port, address, () => {});
  };
  check();
  const repeat = setInterval(check, 100);
  setTimeout(() => {
    clearInterval(repeat);
    socket.close();
    sockets.delete(id);
    report({ id, worked });
  }, milliseconds);
}
