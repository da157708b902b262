import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import type { RelayPlane, SendFailure } from '../../src/relay/relay-plane.ts';
import { formatTransportAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { RelayedAddress } from '../../src/turn/allocation.ts';
import type { OpenFailure } from '../../src/turn/open-relay.ts';
import { Departure } from '../../src/turn/packet.ts';
import { address } from '../virtual-network/virtual-network.ts';
import type { PlaneAdapter } from './adapters.ts';

const PATIENCE_MS = 10_000;
/** Below the ports that the system gives out by itself. */
const [FIRST_PORT, LAST_PORT] = [20_000, 32_000];

/** A packet as a plane handed it up, or as a peer got it. */
export interface Packet {
  readonly from: string;
  readonly bytes: Buffer;
}

/** A packet from a peer, with what the plane knew of its header. */
export interface PeerPacket extends Packet {
  readonly at: RelayedAddress;
  readonly ttl: number;
  readonly trafficClass: number;
}

export interface SendOptions {
  readonly dontFragment?: boolean;
  readonly ttl?: number;
  readonly trafficClass?: number;
}

/** A socket of the test's own, on the far side. */
export class Peer {
  readonly socket: Socket;
  readonly at: TransportAddress;
  readonly received: Packet[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    const { address: ip, port, family } = socket.address();
    this.at = address(family === 'IPv6' ? `[${ip}]:${port}` : `${ip}:${port}`);
    socket.on('message', (bytes, from) => {
      const text = from.family === 'IPv6' ? `[${from.address}]:${from.port}` : `${from.address}:${from.port}`;
      this.received.push({ from: text, bytes });
    });
  }

  static async bind(ip: string, port = 0): Promise<Peer> {
    const socket = createSocket({ type: ip.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 4 * 1024 * 1024 });
    socket.bind(port, ip);
    await once(socket, 'listening');
    return new Peer(socket);
  }

  async send(to: RelayedAddress, bytes: Buffer): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const done = (error: Error | null) => (error ? reject(error) : resolve());
      this.socket.send(bytes, to.local.port, to.local.ip.text, done);
    });
  }

  async close(): Promise<void> {
    const closed = once(this.socket, 'close');
    this.socket.close();
    await closed;
  }
}

/** A plane with everything it has told, and peers to talk to. */
export class PlaneBench {
  readonly plane: RelayPlane;
  readonly opened: RelayedAddress[] = [];
  readonly failed: { at: RelayedAddress; failure: OpenFailure }[] = [];
  readonly lost: RelayedAddress[] = [];
  readonly received: PeerPacket[] = [];
  readonly icmpErrors: { at: RelayedAddress; peer: string; type: number; code: number; data: number }[] = [];
  readonly undelivered: SendFailure[] = [];
  readonly #adapter: PlaneAdapter;
  readonly #departure = new Departure();
  readonly #peers: Peer[] = [];
  #nextId = 1;
  #nextPort = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));

  constructor(adapter: PlaneAdapter) {
    this.#adapter = adapter;
    this.plane = adapter.open({
      opened: (at) => this.opened.push(at),
      failed: (at, failure) => this.failed.push({ at, failure }),
      lost: (at) => this.lost.push(at),
      received: (at, { buffer, start, end, source, ttl, trafficClass }) => {
        const from = formatTransportAddress({ ip: source.ip.toIpAddress(), port: source.port });
        this.received.push({ at, from, bytes: Buffer.from(buffer.subarray(start, end)), ttl, trafficClass });
      },
      icmp: (at, { peer, type, code, data }) => {
        const text = formatTransportAddress({ ip: peer.ip.toIpAddress(), port: peer.port });
        this.icmpErrors.push({ at, peer: text, type, code, data });
      },
      undelivered: (failure) => this.undelivered.push(failure),
      turning: () => {},
    });
  }

  /** A relayed address that nobody has opened yet; by default at a port that is probably free. */
  relayedAddress(ip: string, port?: number): RelayedAddress {
    this.#nextPort = this.#nextPort < LAST_PORT ? this.#nextPort + 1 : FIRST_PORT;
    const at = address(`${ip.includes(':') ? `[${ip}]` : ip}:${port ?? this.#nextPort}`);
    return new RelayedAddress(this.#nextId++, 'udp', at, at);
  }

  /** Opens a relay socket at a free port. */
  async relay(ip = '127.0.0.1'): Promise<RelayedAddress> {
    for (;;) {
      const relayed = this.relayedAddress(ip);
      const outcome = await this.open(relayed);
      if (outcome === 'opened') return relayed;
      if (outcome !== 'port-in-use') throw new Error(`no socket at ${ip}: ${outcome}`);
    }
  }

  /** Opens a relay socket there, and waits for what becomes of it. */
  async open(relayed: RelayedAddress): Promise<'opened' | OpenFailure> {
    const told = () => this.opened.includes(relayed) || this.failed.some(({ at }) => at === relayed);
    this.plane.open(relayed);
    if (told()) throw new Error('the plane told of the socket before open() had returned');
    await this.until('the plane tells of the socket', told);
    return this.failed.find(({ at }) => at === relayed)?.failure ?? 'opened';
  }

  async peer(ip = '127.0.0.1'): Promise<Peer> {
    const peer = await Peer.bind(ip);
    this.#peers.push(peer);
    return peer;
  }

  /** Has the plane send a packet, and overwrites its bytes and its details at once: they are the caller's again. */
  send(relayed: RelayedAddress, to: TransportAddress, bytes: Buffer | string, options: SendOptions = {}): void {
    const departure = this.#departure;
    const { length } = Buffer.from(bytes);
    departure.buffer = Buffer.alloc(length + 8, 0xaa);
    departure.buffer.set(Buffer.from(bytes), 4);
    departure.start = 4;
    departure.end = 4 + length;
    departure.relayedAddress = relayed;
    departure.peer = to.ip;
    departure.port = to.port;
    departure.dontFragment = options.dontFragment ?? false;
    departure.ttl = options.ttl ?? -1;
    departure.trafficClass = options.trafficClass ?? 0;
    this.plane.transmit(departure);
    departure.buffer.fill(0x55);
    Object.assign(departure, { start: 0, end: 0, relayedAddress: undefined, port: 9, ttl: 1, trafficClass: 0xff });
  }

  /** Lets the plane work until this is true. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      this.#adapter.work?.(this.plane);
      if (condition()) return;
      if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
      await setImmediate();
    }
  }

  /** Whatever the plane has been given to do so far is done: packets have gone there and back through it. */
  async settle(): Promise<void> {
    const [relayed, peer] = [await this.relay(), await this.peer()];
    this.send(relayed, peer.at, 'sentinel');
    await this.until('the sentinel leaves', () => peer.received.length === 1);
    const before = this.received.length;
    await peer.send(relayed, Buffer.from('sentinel'));
    await this.until('the sentinel returns', () => this.received.slice(before).some(({ at }) => at === relayed));
    this.received.splice(
      this.received.findIndex(({ at }) => at === relayed),
      1,
    );
    this.plane.close(relayed);
  }

  async end(): Promise<void> {
    this.plane.stop();
    await Promise.all(this.#peers.map((peer) => peer.close()));
  }
}
