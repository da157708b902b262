// A thread that sends one datagram over and over from one port, with pauses as long as shared memory says, where it also counts
// what it has sent; a negative pause ends it.
import { workerData } from 'node:worker_threads';
import { IpAddress } from '../../dist/stun/ip-address.js';
import { DatagramSockets } from '../../dist/syscalls/datagram-sockets.js';
import { loadLibc } from '../../dist/syscalls/libc.js';
import { Outbox, SendQueue } from '../../dist/syscalls/outbox.js';

const AT_ONCE = 32;

const { from, to, datagram, control } = workerData;
const [PAUSE, SENT] = [0, 1];
const libc = loadLibc();
const ip = IpAddress.parse('127.0.0.1');
const queue = new SendQueue(new DatagramSockets(libc).open({ ip, port: from }));
const outbox = new Outbox(libc, AT_ONCE, { failed: () => {} });
const { address, bytes } = libc.memory(datagram.length);
bytes.set(datagram);
for (let pause = Atomics.load(control, PAUSE); pause >= 0; pause = Atomics.load(control, PAUSE)) {
  for (let i = 0; i < AT_ONCE; i++) outbox.add(queue, address, bytes.length, ip, to, -1, 0);
  outbox.flushAll();
  Atomics.store(control, SENT, outbox.counters.datagrams);
  if (pause > 0) libc.usleep(pause);
}
