import { describe, expect, it } from 'vitest';
import { mutableTransportAddress } from '../stun/attributes/address.ts';
import { IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import { DatagramSockets, SystemCallError, systemErrorName } from './datagram-sockets.ts';
import { IcmpErrors } from './icmp-errors.ts';
import { type Libc, loadLibc } from './libc.ts';
import { Outbox, SendQueue } from './outbox.ts';
import { Bell, Poller } from './poller.ts';
import { ReceiveBatch, type ReceivedDatagram } from './receive-batch.ts';
import { AF_INET } from './structures.ts';

const libc = loadLibc();

function must<T>(value: T | SystemCallError): T {
  if (value instanceof SystemCallError) throw value;
  return value;
}

function datagram(): ReceivedDatagram {
  return { start: 0, end: 0, source: mutableTransportAddress(), ttl: -1, trafficClass: 0 };
}

const SOCK_RAW = 3;
const IPPROTO_ICMP = 1;

/** What a router says that cannot send on a datagram of 1000 bytes in one piece (RFC 1191 §4). */
function fragmentationNeeded(mtu: number, source: TransportAddress, to: TransportAddress): Buffer {
  const message = Buffer.alloc(36);
  message.writeUInt16BE(0x0304, 0);
  message.writeUInt16BE(mtu, 6);
  // The datagram's headers: IPv4 with the Don't Fragment bit, UDP.
  message.writeUInt32BE(0x45000404, 8);
  message.writeUInt32BE(0x00004000, 12);
  message.writeUInt32BE(0x40110000, 16);
  message.writeInt32BE(source.ip.w0, 20);
  message.writeInt32BE(to.ip.w0, 24);
  message.writeUInt16BE(source.port, 28);
  message.writeUInt16BE(to.port, 30);
  message.writeUInt16BE(1008, 32);
  let sum = 0;
  for (let at = 0; at < message.length; at += 2) sum += message.readUInt16BE(at);
  message.writeUInt16BE(0xffff - (sum % 0xffff), 2);
  return message;
}

describe.skipIf(typeof libc === 'string')('batched system calls', () => {
  const c = libc as Libc;
  const hosts = ['127.0.0.1', '::1'].map((text) => IpAddress.parse(text)!);

  /** Two sockets, what is needed to send from one to the other, and what could not be sent. */
  function pair(ip: IpAddress, slots = 64, slotBytes = 2048) {
    const sockets = new DatagramSockets(c);
    const failures: string[] = [];
    const outbox = new Outbox(c, 256, { failed: (errno, n) => failures.push(`${systemErrorName(errno)} ${n}`) });
    const options = { headerFields: true, icmpErrors: true, receiveBufferBytes: 1 << 20 };
    const [a, b] = [0, 0].map(() => must(sockets.open({ ip, port: 0 }, options)));
    const to = must(sockets.localAddress(b!));
    const source = must(sockets.localAddress(a!));
    const batch = new ReceiveBatch(c, slots, slotBytes, 48, 3);
    const bytes = c.memory(1 << 20);
    const queue = new SendQueue(a!);
    const send = (text: Buffer, at: number, target: TransportAddress = to, ttl = -1, trafficClass = 0) => {
      text.copy(bytes.bytes, at);
      outbox.add(queue, bytes.address + at, text.length, target.ip, target.port, ttl, trafficClass);
    };
    const receive = () => {
      const count = batch.receive(b!, 0, slots);
      return Array.from({ length: Math.max(0, count) }, (_, slot) => {
        const into = datagram();
        expect(batch.take(slot, into)).toBe(true);
        expect(into.source.port).toBe(source.port);
        return { bytes: Buffer.from(batch.memory.bytes.subarray(into.start, into.end)), ...into };
      });
    };
    return { sockets, outbox, queue, send, receive, failures, a: a!, b: b!, to, source, batch };
  }

  it.each(hosts)('carry datagrams of mixed sizes in order, from %s', (ip) => {
    const { outbox, send, receive, failures } = pair(ip);
    const sizes = [160, 160, 160, 90, 160, 0, 1, 1000, 1000, 1000, 20, 1400];
    const sent = sizes.map((size, i) => Buffer.alloc(size, i + 1));
    for (const [i, text] of sent.entries()) send(text, i * 2048);
    outbox.flushAll();
    const received = receive();
    expect(received.map(({ bytes }) => bytes)).toEqual(sent);
    expect(failures).toEqual([]);
    expect(outbox.counters).toEqual({ datagrams: sizes.length, calls: 1 });
  });

  it.each(hosts)('tell and set the header fields, from %s', (ip) => {
    const { outbox, send, receive } = pair(ip);
    send(Buffer.from('a'), 0, undefined, 17, 0xb8);
    send(Buffer.from('b'), 64, undefined, -1, 0x28);
    send(Buffer.from('c'), 128);
    for (const at of [192, 256]) send(Buffer.from('d'), at, undefined, -1, 0x10);
    for (const at of [320, 384]) send(Buffer.from('e'), at, undefined, 9, 0x14);
    outbox.flushAll();
    const [a, b, plain, ...pairs] = receive();
    expect(pairs).toMatchObject([
      { ttl: 64, trafficClass: 0x10 },
      { ttl: 64, trafficClass: 0x10 },
      { ttl: 9, trafficClass: 0x14 },
      { ttl: 9, trafficClass: 0x14 },
    ]);
    expect(a).toMatchObject({ ttl: 17, trafficClass: 0xb8 });
    expect(b).toMatchObject({ ttl: 64, trafficClass: 0x28 });
    expect(plain).toMatchObject({ ttl: 64, trafficClass: 0 });
  });

  it('say that a datagram did not fit, and go on', () => {
    const { outbox, send, batch, b } = pair(hosts[0]!, 4, 100);
    send(Buffer.alloc(101, 1), 0);
    send(Buffer.alloc(100, 2), 1000);
    outbox.flushAll();
    expect(batch.receive(b, 0, 4)).toBe(2);
    expect(batch.take(0, datagram())).toBe(false);
    expect(batch.take(1, datagram())).toBe(true);
    expect(batch.receive(b, 0, 4)).toBe(-1);
  });

  it.each(hosts)('tell of a port where nobody is, and send what comes after, from %s', (ip) => {
    const { sockets, outbox, send, receive, failures, a, b } = pair(ip);
    const gone = must(sockets.open({ ip, port: 0 }));
    const closed = must(sockets.localAddress(gone));
    sockets.close(gone);
    send(Buffer.from('nobody'), 0, closed);
    outbox.flushAll();
    send(Buffer.from('somebody'), 0);
    outbox.flushAll();
    expect(receive().map(({ bytes }) => bytes.toString())).toEqual(['somebody']);
    expect(failures).toEqual([]);
    const errors = new IcmpErrors(c);
    const report = { peer: mutableTransportAddress(), type: 0, code: 0, data: 0 };
    expect(errors.take(a, report)).toBe(true);
    const portUnreachable = ip.text === '::1' ? { type: 1, code: 4 } : { type: 3, code: 3 };
    expect(report).toMatchObject({ ...portUnreachable, data: 0, peer: { port: closed.port } });
    expect(report.peer.ip.toIpAddress().text).toBe(ip.text);
    expect(errors.take(a, report)).toBe(false);
    expect(errors.take(b, report)).toBe(false);
  });

  it('tell of a path too narrow for a datagram, and join datagrams all the same', (context) => {
    const { outbox, send, receive, a, source, to } = pair(hosts[0]!);
    const raw = c.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    context.skip(raw < 0, 'only root may send ICMP messages');
    const message = fragmentationNeeded(600, source, to);
    const { address, bytes } = c.memory(message.length);
    message.copy(bytes);
    outbox.add(new SendQueue(raw), address, message.length, source.ip, 0, -1, 0);
    outbox.flushAll();
    c.close(raw);
    const report = { peer: mutableTransportAddress(), type: 0, code: 0, data: 0 };
    expect(new IcmpErrors(c).take(a, report)).toBe(true);
    expect(report).toMatchObject({ type: 3, code: 4, data: 600, peer: { port: to.port } });

    const { datagrams, calls } = outbox.counters;
    for (let i = 0; i < 3; i++) send(Buffer.alloc(1000, i), i * 2048);
    outbox.flushAll();
    expect(receive()).toHaveLength(3);
    expect(outbox.counters).toEqual({ datagrams: datagrams + 3, calls: calls + 1 });
  });

  it('name the error of a port that is taken', () => {
    const { sockets, to } = pair(hosts[0]!);
    expect(sockets.open(to)).toMatchObject({ code: 'EADDRINUSE' });
    expect(sockets.open({ ip: IpAddress.parse('192.0.2.1')!, port: 0 })).toMatchObject({ code: 'EADDRNOTAVAIL' });
  });

  it('share a port among sockets that want to', () => {
    const sockets = new DatagramSockets(c);
    const first = must(sockets.open({ ip: hosts[0]!, port: 0 }, { shared: true }));
    const at = must(sockets.localAddress(first));
    expect(sockets.open(at, { shared: true })).toBeGreaterThan(0);
    expect(sockets.open(at)).toMatchObject({ code: 'EADDRINUSE' });
  });

  it('wait for sockets and for a bell', () => {
    const { outbox, send, b } = pair(hosts[0]!);
    const poller = must(Poller.open(c));
    const bell = must(Bell.open(c));
    poller.add(b);
    poller.add(bell.descriptor);
    expect(poller.wait(0)).toBe(0);
    send(Buffer.from('x'), 0);
    outbox.flushAll();
    expect([poller.wait(1000), poller.descriptorAt(0), poller.hasErrorAt(0)]).toEqual([1, b, false]);
    poller.remove(b);
    new Bell(c, bell.descriptor).ring();
    expect([poller.wait(1000), poller.descriptorAt(0)]).toEqual([1, bell.descriptor]);
    bell.hush();
    expect(poller.wait(0)).toBe(0);
  });

  it('count what the kernel dropped', () => {
    const { sockets, outbox, send, b } = pair(hosts[0]!);
    for (let round = 0; round < 40; round++) {
      for (let i = 0; i < 60; i++) send(Buffer.alloc(1400), i * 2048);
      outbox.flushAll();
    }
    expect(sockets.overflows(b)).toBeGreaterThan(0);
  });
});
