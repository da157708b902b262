import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IpAddress } from '../../stun/ip-address.ts';
import { DatagramSockets, SystemCallError } from '../../syscalls/datagram-sockets.ts';
import { type Libc, loadLibc } from '../../syscalls/libc.ts';
import { Outbox, SendQueue } from '../../syscalls/outbox.ts';
import { RelayedAddress } from '../../turn/allocation.ts';
import { Departure } from '../../turn/packet.ts';
import type { RelayPlaneEvents } from '../relay-plane.ts';
import { BatchPlane } from './batch-plane.ts';

const libc = loadLibc();
const ip = IpAddress.parse('127.0.0.1')!;

function must<T>(value: T | SystemCallError): T {
  if (value instanceof SystemCallError) throw value;
  return value;
}

describe.skipIf(typeof libc === 'string')('the batch plane', () => {
  const c = libc as Libc;
  let sockets: DatagramSockets;
  let plane: BatchPlane;
  let events: RelayPlaneEvents;
  let open: number[];
  let outbox: Outbox;
  /** The system calls of the plane with a descriptor, as `call descriptor`. */
  let calls: string[];

  beforeEach(() => {
    sockets = new DatagramSockets(c);
    open = [];
    calls = [];
    outbox = new Outbox(c, 256, { failed: () => {} });
    const nothing = () => {};
    events = {
      opened: nothing,
      failed: nothing,
      lost: nothing,
      received: nothing,
      icmp: nothing,
      undelivered: nothing,
      turning: nothing,
    };
    plane = must(BatchPlane.open(recorded(c), events, { seed: 1 }));
  });

  afterEach(() => {
    plane.stop();
    for (const descriptor of open) sockets.close(descriptor);
  });

  function recorded(libc: Libc): Libc {
    return new Proxy(libc, {
      get: (target, name: keyof Libc) => {
        const call = target[name] as (...args: unknown[]) => unknown;
        return (...args: unknown[]) => {
          calls.push(`${name} ${args[0]}`);
          return call(...args);
        };
      },
    });
  }

  function socket(receiveBufferBytes: number): number {
    const descriptor = must(sockets.open({ ip, port: 0 }, { headerFields: true, receiveBufferBytes }));
    open.push(descriptor);
    return descriptor;
  }

  /** A listener, and how many packets it has taken in and let go. */
  function listen(receiveBufferBytes: number) {
    const descriptor = socket(receiveBufferBytes);
    const counts = { received: 0, shed: 0 };
    const listener = plane.listen(open.length, must(sockets.localAddress(descriptor)), descriptor, {
      received: () => counts.received++,
      shed: () => counts.shed++,
    });
    return { ...listener.local, counts };
  }

  /** Sends so many packets, from one client. */
  function client() {
    const queue = new SendQueue(socket(4096));
    const { address } = c.memory(100);
    return (port: number, packets: number) => {
      for (let i = 0; i < packets; i++) {
        if (outbox.free === 0) outbox.flushAll();
        outbox.add(queue, address, 100, ip, port, -1, 0);
      }
      outbox.flushAll();
    };
  }

  it('sends answers while it reads further requests, and counts none of those as packets to relay', () => {
    const descriptor = socket(1 << 16);
    const at = must(sockets.localAddress(descriptor));
    const answer = Buffer.alloc(20);
    const callsSoFar: number[] = [];
    const listener = plane.listen(open.length, at, descriptor, {
      received: (_, { source }) => {
        callsSoFar.push(calls.filter((call) => call.startsWith('sendmmsg')).length);
        listener.send(answer, 0, answer.length, { ip: source.ip.toIpAddress(), port: source.port }, -1, 0);
      },
      shed: () => {},
    });
    client()(at.port, 20);
    calls = [];
    expect(plane.turn(0)).toBe(0);
    expect(callsSoFar).toHaveLength(20);
    expect(callsSoFar.at(-1)).toBeGreaterThanOrEqual(4);
  });

  it('lets no client lose anything to a flood at another address', () => {
    const [flooded, quiet] = [listen(1 << 16), listen(1 << 20)];
    const [flood, other] = [client(), client()];
    for (let turn = 0; turn < 20; turn++) {
      flood(flooded.port, 2000);
      plane.turn(0);
    }
    expect(flooded.counts.shed).toBeGreaterThan(0);
    other(quiet.port, 200);
    plane.turn(0);
    expect(quiet.counts).toEqual({ received: 200, shed: 0 });
  });

  it("touches a descriptor no more that it has closed in the middle of a turn: it may be another thread's by now", () => {
    const at = must(sockets.localAddress(socket(4096)));
    sockets.close(open.pop()!);
    const relayed = new RelayedAddress(1, 'udp', at, at);
    plane.open(relayed);
    plane.turn(0);
    const departure = Object.assign(new Departure(), { relayedAddress: relayed, peer: ip, port: 1, end: 4 });
    departure.buffer = Buffer.alloc(4);
    for (let i = 0; i < 3; i++) plane.transmit(departure);
    plane.turn(0);
    const icmp = vi.fn(() => plane.close(relayed));
    events.icmp = icmp;
    calls = [];
    plane.turn(0);
    expect(icmp).toHaveBeenCalledTimes(1);
    const close = calls.findIndex((call) => call.startsWith('close '));
    const [, descriptor] = calls[close]!.split(' ');
    expect(calls.slice(close + 1).filter((call) => call.endsWith(` ${descriptor}`))).toEqual([]);
  });
});
