// What a NAT does, asked as plainly as can be, each question on sockets of its own: whether a recipe makes the NAT that it says.
// Arguments: a server's two addresses and two ports. It prints JSON.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { attribute, bindingRequest, readAnswer } from './stun-binding.js';

const [addressA, addressB, port1, port2] = process.argv.slice(2);
const [a1, b1, b2] = [
  [addressA, port1],
  [addressB, port1],
  [addressB, port2],
].map(([address, port]) => ({ address, port: Number(port) }));
const [changePort, changeBoth] = [0x02, 0x06].map((flags) => attribute(0x0003, Buffer.from([0, 0, 0, flags])));
const padding = attribute(0x0026, Buffer.alloc(1500));
const xorMapped = 0x0020;

async function socketOf() {
  const socket = createSocket('udp4').bind(0);
  await once(socket, 'listening');
  return socket;
}

/** Asks until an answer comes, for two seconds at most; resolves to the mapped address, or to `null`. */
async function ask(socket, { address, port }, ...attributes) {
  const request = bindingRequest(...attributes);
  const send = () => socket.send(request, port, address, () => {});
  const repeat = setInterval(send, 250);
  send();
  const mapped = await new Promise((resolve) => {
    const patience = setTimeout(() => resolve(null), 2000);
    socket.on('message', (bytes) => {
      const answer = readAnswer(bytes, request);
      if (!answer) return;
      clearTimeout(patience);
      resolve(answer.get(xorMapped));
    });
  });
  clearInterval(repeat);
  return mapped;
}

async function mapping() {
  const socket = await socketOf();
  const [first, again, same, other] = [
    await ask(socket, a1),
    await ask(socket, a1),
    await ask(socket, b1),
    await ask(socket, b2),
  ];
  if (first === null) return 'no answer';
  if (first !== again) return 'unstable';
  if (first === same && same === other) return 'endpoint-independent';
  return same === other ? 'address-dependent' : 'address-and-port-dependent';
}

/** Also whether a mapping is kept after packets that nobody asked for: `early`. */
async function filtering() {
  const socket = await socketOf();
  const first = await ask(socket, a1);
  if (first === null) return { filtering: 'no answer' };
  const both = await ask(socket, a1, changeBoth);
  const port = await ask(socket, a1, changePort);
  const dependsOn = port === null ? 'address-and-port-dependent' : 'address-dependent';
  const early = (await ask(socket, b2)) === first ? 'kept' : 'changed';
  return { filtering: both === null ? dependsOn : 'endpoint-independent', early };
}

/** The local and the mapped port of eight sockets. */
async function ports() {
  const pairs = [];
  for (let n = 0; n < 8; n++) {
    const socket = await socketOf();
    const mapped = await ask(socket, a1);
    pairs.push([socket.address().port, mapped && Number(mapped.split(':')[1])]);
  }
  return pairs;
}

async function hairpin() {
  const [from, to] = [await socketOf(), await socketOf()];
  const mapped = await ask(to, a1);
  if (mapped === null || (await ask(from, a1)) === null) return 'no answer';
  const [address, port] = mapped.split(':');
  const arrived = new Promise((resolve) => {
    setTimeout(() => resolve(false), 1000);
    to.on('message', (bytes) => bytes.toString() === 'hairpin' && resolve(true));
  });
  for (let n = 0; n < 3; n++) from.send('hairpin', Number(port), address, () => {});
  return arrived;
}

async function fragments() {
  return (await ask(await socketOf(), a1, padding)) !== null;
}

const [mapped, filtered, eight, hairpins, pieces] = await Promise.all([
  mapping(),
  filtering(),
  ports(),
  hairpin(),
  fragments(),
]);
process.stdout.write(
  `${JSON.stringify({ mapping: mapped, ...filtered, ports: eight, hairpin: hairpins, fragments: pieces })}\n`,
  () => process.exit(),
);
