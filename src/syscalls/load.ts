import { IpAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { DatagramSockets, SystemCallError, systemErrorName } from './datagram-sockets.ts';
import { type Libc, loadLibc } from './libc.ts';
import { Outbox, SendQueue } from './outbox.ts';
import { Poller } from './poller.ts';
import { ReceiveBatch } from './receive-batch.ts';

const LOOPBACK = new IpAddress(AddressFamily.ipv4, 0x7f000001);
const PATIENCE_MS = 200;

let tried: Libc | string | undefined;

/**
 * The system calls, tried out with one datagram, or a sentence that says why they cannot be used here: a library that loads
 * is not enough where a sandbox forbids its calls.
 */
export function loadSyscalls(): Libc | string {
  tried ??= tryOut();
  return tried;
}

function tryOut(): Libc | string {
  const libc = loadLibc();
  if (typeof libc === 'string') return libc;
  const sockets = new DatagramSockets(libc);
  const poller = Poller.open(libc);
  if (poller instanceof SystemCallError) return forbidden(poller.message);
  const socket = sockets.open({ ip: LOOPBACK, port: 0 });
  try {
    if (socket instanceof SystemCallError) return forbidden(socket.message);
    return passDatagram(libc, sockets, poller, socket) ?? libc;
  } finally {
    if (typeof socket === 'number') sockets.close(socket);
    poller.close();
  }
}

/** Sends a datagram from a socket to itself; what is wrong, if anything. */
function passDatagram(libc: Libc, sockets: DatagramSockets, poller: Poller, socket: number): string | undefined {
  const local = sockets.localAddress(socket);
  if (local instanceof SystemCallError) return forbidden(local.message);
  const failed = poller.add(socket);
  if (failed !== undefined) return forbidden(failed.message);
  let refused: string | undefined;
  const outbox = new Outbox(libc, 1, { failed: (errno) => (refused = systemErrorName(errno)) });
  const { address } = libc.memory(1);
  outbox.add(new SendQueue(socket), address, 1, local.ip, local.port, -1, 0);
  outbox.flushAll();
  if (refused !== undefined) return forbidden(`sendmmsg ${refused}`);
  if (poller.wait(PATIENCE_MS) !== 1) return forbidden('epoll_wait saw no datagram on loopback');
  const received = new ReceiveBatch(libc, 1, 16).receive(socket, 0, 1);
  return received === 1 ? undefined : forbidden(`recvmmsg ${systemErrorName(libc.errno())}`);
}

function forbidden(what: string): string {
  return `a system call does not work here (${what})`;
}
