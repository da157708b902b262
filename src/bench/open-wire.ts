import { IpAddress } from '../stun/ip-address.ts';
import { loadLibc } from '../syscalls/libc.ts';
import { BatchedWire } from './batched-wire.ts';
import { DgramWire } from './dgram-wire.ts';
import type { Wire } from './wire.ts';

/**
 * Opens what carries UDP from an address of this machine: batched system calls, or what Node offers where those cannot be made.
 *
 * @param port the port of its one socket; 0 for any number of sockets with a free one each.
 */
export function openUdpWire(host: string, port = 0): Wire {
  const libc = loadLibc();
  if (typeof libc === 'string') return new DgramWire(host, port);
  const wire = BatchedWire.create(libc, IpAddress.parse(host)!, port);
  if (wire instanceof Error) throw wire;
  return wire;
}
