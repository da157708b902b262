import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { ArrivalBuffer } from '../relay/dgram/arrival-buffer.ts';
import { formatTransportAddress, IpAddress } from '../stun/ip-address.ts';
import { MessageWriter } from '../stun/message-writer.ts';
import { MessageClass, Method } from '../stun/protocol.ts';
import { type AddressRange, parseAddressRange } from '../turn/address-range.ts';
import { instant } from '../turn/time.ts';
import type { ClientListener } from './client-listener.ts';
import type { StreamConnection } from './stream-connection.ts';
import { type ConnectionLimits, StreamConnections } from './stream-connections.ts';

const binding = new MessageWriter().begin(MessageClass.request, Method.binding, Buffer.alloc(12, 7)).finish();
const local = { ip: IpAddress.parse('192.0.2.100')!, port: 3478 };

/** The server's end of a connection whose other end is the test. */
class ScriptedSocket extends Duplex {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly written: Buffer[] = [];
  /** Whether the network takes what is written. */
  takes = true;
  #done: (() => void) | undefined;

  constructor(remoteAddress: string, remotePort = 1000) {
    super();
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk);
    if (this.takes) done();
    else this.#done = done;
  }

  /** The network takes what waits. */
  drain(): void {
    this.takes = true;
    this.#done?.();
  }

  /** Bytes arrive from the client. */
  arrives(bytes: Buffer | string): void {
    this.emit('data', Buffer.from(bytes as string, 'latin1'));
  }
}

let now: number;
let received: string[];
let undelivered: string[];
let closed: string[];
let live: Map<number, ClientListener>;
let release: ((listener: ClientListener) => void) | undefined;
let buffer: ArrivalBuffer;

beforeEach(() => {
  now = 0;
  received = [];
  undelivered = [];
  closed = [];
  live = new Map();
  release = undefined;
  buffer = new ArrivalBuffer();
});

const usual: ConnectionLimits = {
  total: 100,
  pending: 10,
  pendingPerAddress: 5,
  firstMessageMilliseconds: 10_000,
  handshakeMilliseconds: 5_000,
  idleMilliseconds: 60_000,
  queuedBytes: 1000,
};

function connections(limits: Partial<ConnectionLimits> = {}, trusted: readonly string[] = []): StreamConnections {
  let id = 1;
  return new StreamConnections({
    host: {
      buffer,
      listenerEvents: {
        received: (listener, arrival) => {
          const from = formatTransportAddress({ ip: arrival.source.ip.toIpAddress(), port: arrival.source.port });
          received.push(`${from} ${arrival.buffer.toString('hex', arrival.start, arrival.end)}`);
          release?.(listener);
        },
        undelivered: (failure) => undelivered.push(failure),
      },
      takeListenerId: () => id++,
      add: (listener) => live.set(listener.id, listener),
      disconnected: (listener) => live.delete(listener.id),
    },
    limits: { ...usual, ...limits },
    trustedProxies: trusted.map((text) => parseAddressRange(text) as AddressRange),
    secureContext: () => undefined,
    now: () => instant(now),
    onClosed: (connection, reason) => closed.push(`${formatTransportAddress(connection.client)} ${reason}`),
  });
}

function accept(all: StreamConnections, address = '192.0.2.1', port = 1000): ScriptedSocket {
  const socket = new ScriptedSocket(address, port);
  all.accept(socket as unknown as Socket, local);
  return socket;
}

describe('a connection', () => {
  it('hands on messages with the address of its client', () => {
    const all = connections();
    const socket = accept(all);
    expect(all.pending).toBe(1);
    socket.arrives(binding);
    expect(received).toEqual([`192.0.2.1:1000 ${binding.toString('hex')}`]);
    expect([all.pending, all.open]).toEqual([0, { tcp: 1, tls: 0 }]);
  });

  it('takes its first message byte by byte', () => {
    const socket = accept(connections());
    for (const byte of binding) socket.arrives(Buffer.from([byte]));
    expect(received).toHaveLength(1);
  });

  it.each([
    ['HTTP', 'GET / HTTP/1.1\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['ChannelData before any message', '\x40\x00\x00\x04abcd'],
    ['a wrong cookie', '\x00\x01\x00\x00\x21\x12\xa4\x43'],
    ['the first byte of a wrong cookie', '\x00\x01\x00\x00\x22'],
    ['a length that no message has', '\x00\x01\x00\x03\x21\x12\xa4\x42'],
    ['a zero byte in the high bits', '\xff'],
  ])('that begins with something else is closed at once: %s', (_what, bytes) => {
    const all = connections();
    const socket = accept(all);
    socket.arrives(bytes);
    expect(closed).toEqual(['192.0.2.1:1000 not-stun']);
    expect(socket.destroyed).toBe(true);
    expect(all.pending + all.open.tcp + live.size).toBe(0);
    expect(all.closedByReason.get('not-stun')).toBe(1);
  });

  it('that begins TLS where there is no certificate is closed', () => {
    accept(connections()).arrives('\x16\x03\x01');
    expect(closed).toEqual(['192.0.2.1:1000 no-certificate']);
  });

  it('is closed when garbage follows a message, and when its client goes', () => {
    const all = connections();
    accept(all).arrives(Buffer.concat([binding, Buffer.from([0xff])]));
    const socket = accept(all, '192.0.2.2');
    socket.arrives(binding);
    socket.emit('error', new Error('ECONNRESET'));
    accept(all, '192.0.2.3').emit('end');
    expect(closed).toEqual(['192.0.2.1:1000 not-stun', '192.0.2.2:1000 connection-error', '192.0.2.3:1000 client']);
    expect(live.size).toBe(0);
  });

  it('has an IPv4 address where a dual-stack socket writes it as IPv6, and no zone', () => {
    const all = connections();
    accept(all, '::ffff:192.0.2.9').arrives(binding);
    accept(all, 'fe80::1%eth0').arrives(binding);
    expect(received.map((line) => line.split(' ')[0])).toEqual(['192.0.2.9:1000', '[fe80::1]:1000']);
  });

  it('may be released while a message is worked on, with what the client sent behind it', () => {
    const all = connections();
    const socket = accept(all);
    let unread: Buffer | undefined;
    release = (listener) => {
      if (received.length === 2) unread = (listener as StreamConnection).release().unread;
    };
    socket.arrives(Buffer.concat([binding, binding.subarray(0, 9)]));
    socket.arrives(Buffer.concat([binding.subarray(9), Buffer.from('plain data, no message')]));
    expect(unread?.toString()).toBe('plain data, no message');
    socket.arrives('and more');
    now = 1e9;
    all.sweep();
    expect([received.length, closed]).toEqual([2, []]);
  });
});

describe('a client that does not read', () => {
  it('has at most so many bytes wait; what is more is dropped, and the shared buffer is free again', () => {
    const all = connections();
    const socket = accept(all);
    socket.arrives(binding);
    socket.takes = false;
    const [listener] = live.values();
    for (let i = 0; i < 12; i++) {
      const shared = buffer.arrival.buffer;
      shared.fill(i, 0, 100);
      listener!.send(shared, 0, 100, { ip: local.ip, port: 1 }, -1, 0);
    }
    expect(undelivered).toEqual(['send-queue-full', 'send-queue-full']);
    expect(socket.writableLength).toBe(1000);
    expect(socket.written.map((bytes) => bytes[0])).toEqual([0]);
    expect(socket.written[0]!.buffer).not.toBe(buffer.arrival.buffer.buffer);
  });

  it('gets what was meant for it, though the memory of a data plane holds other packets by then', () => {
    const all = connections();
    const socket = accept(all);
    socket.arrives(binding);
    socket.takes = false;
    const [listener] = live.values();
    const slot = Buffer.alloc(100);
    for (let i = 1; i <= 3; i++) {
      listener!.send(slot.fill(i), 0, 100, { ip: local.ip, port: 1 }, -1, 0);
    }
    slot.fill(0xff);
    socket.drain();
    expect(socket.written).toEqual([1, 2, 3].map((i) => Buffer.alloc(100, i)));
  });
});

describe('limits', () => {
  it('close a connection without a whole message in time, and later one that is idle', () => {
    const all = connections();
    accept(all).arrives(binding.subarray(0, 19));
    accept(all, '192.0.2.2').arrives(binding);
    now = 9_999;
    all.sweep();
    expect(closed).toEqual([]);
    now = 10_000;
    all.sweep();
    expect(closed).toEqual(['192.0.2.1:1000 first-message-timeout']);
    now = 69_998;
    all.sweep();
    expect(closed).toHaveLength(1);
    now = 69_999;
    all.sweep();
    expect(closed.at(-1)).toBe('192.0.2.2:1000 idle');
  });

  it('leave a connection alone that has an allocation, until it ends', () => {
    const all = connections();
    accept(all).arrives(binding);
    const [listener] = live.values();
    listener!.allocationChanged!(true);
    now = 1e6;
    all.sweep();
    expect(closed).toEqual([]);
    listener!.allocationChanged!(false);
    all.sweep();
    now = 1e6 + 60_000;
    all.sweep();
    expect(closed).toEqual(['192.0.2.1:1000 idle']);
  });

  it('refuse what one address has too much of, and close the oldest when all are too many', () => {
    const all = connections({ pending: 10, pendingPerAddress: 5 });
    for (let port = 1; port <= 7; port++) accept(all, '192.0.2.1', port);
    expect(closed).toEqual(['192.0.2.1:6 pending-per-address-limit', '192.0.2.1:7 pending-per-address-limit']);
    for (let port = 1; port <= 6; port++) accept(all, `192.0.2.${port + 1}`, port);
    expect(closed.at(-1)).toBe('192.0.2.1:1 pending-limit');
    expect(all.pending).toBe(10);
  });

  it('close who has been silent longest without an allocation when there are too many connections', () => {
    const all = connections({ total: 3 });
    for (const port of [1, 2, 3]) accept(all, '192.0.2.1', port).arrives(binding);
    [...live.values()][0]!.allocationChanged!(true);
    accept(all, '192.0.2.1', 4).arrives(binding);
    expect(closed).toEqual(['192.0.2.1:2 total-limit']);
  });
});

describe('behind a load balancer', () => {
  const trusted = ['192.0.2.1'];
  const header = 'PROXY TCP4 203.0.113.5 192.0.2.100 777 3478\r\n';

  it('the client is whom the PROXY header names, wherever the header is cut', () => {
    for (let cut = 0; cut <= header.length; cut++) {
      received = [];
      const socket = accept(connections({}, trusted));
      socket.arrives(header.slice(0, cut));
      socket.arrives(header.slice(cut) + binding.toString('latin1'));
      expect(received).toEqual([`203.0.113.5:777 ${binding.toString('hex')}`]);
    }
  });

  it('the client is the socket when the header names nobody', () => {
    accept(connections({}, trusted)).arrives(`PROXY UNKNOWN\r\n${binding.toString('latin1')}`);
    expect(received[0]).toMatch(/^192\.0\.2\.1:1000 /);
  });

  it('a connection without a header is closed, as is a header from anywhere else', () => {
    const all = connections({}, trusted);
    accept(all).arrives(binding);
    accept(all, '192.0.2.2').arrives(header);
    accept(all, '192.0.2.3').arrives(Buffer.from('0d0a0d0a000d0a515549540a21110000', 'hex'));
    expect(closed).toEqual([
      '192.0.2.1:1000 bad-proxy-header',
      '192.0.2.2:1000 untrusted-proxy',
      '192.0.2.3:1000 untrusted-proxy',
    ]);
    expect(received).toEqual([]);
  });

  it('limits count clients, not load balancers', () => {
    const all = connections({ pending: 100, pendingPerAddress: 2 }, trusted);
    const arrive = (client: number) => accept(all).arrives(`PROXY TCP4 203.0.113.${client} 192.0.2.100 777 3478\r\n`);
    for (const client of [1, 2, 3, 4, 4, 4]) arrive(client);
    expect(closed).toEqual(['203.0.113.4:777 pending-per-address-limit']);
  });
});
