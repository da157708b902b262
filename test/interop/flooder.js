// A thread that sends one datagram over and over from one port, with pauses as long as shared memory says; a negative one ends it.
import { workerData } from 'node:worker_threads';
import { IpAddress } from '../../dist/stun/ip-address.js';
import { DatagramSockets } from '../../dist/syscalls/datagram-sockets.js';
import { loadLibc } from '../../dist/syscalls/libc.js';
import { Outbox, SendQueue } from '../../dist/syscalls/outbox.js';

const AT_ONCE = 32;

const { from, to, datagram, pauseMicroseconds } = workerData;
const libc = loadLibc();
const ip = IpAddress.parse('127.0.0.1');
const queue = new SendQueue(new DatagramSockets(libc).open({ ip, port: from }));
const outbox = new Outbox(libc, AT_ONCE, { failed: () => {} });
const { address, bytes } = libc.memory(datagram.length);
bytes.set(datagram);
for (let pause = Atomics.load(pauseMicroseconds, 0); pause >= 0; pause = Atomics.load(pauseMicroseconds, 0)) {
  for (let i = 0; i < AT_ONCE; i++) outbox.add(queue, address, bytes.length, ip, to, -1, 0);
  outbox.flushAll();
  if (pause > 0) libc.usleep(pause);
}
