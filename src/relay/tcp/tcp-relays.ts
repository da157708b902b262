import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { IpAddress, type TransportAddress } from '../../stun/ip-address.ts';
import type { RelayedAddress } from '../../turn/allocation.ts';
import type { PeerConnection } from '../../turn/peer-connection.ts';
import type { RelayPlaneEvents } from '../relay-plane.ts';
import { OneWay } from './joined-streams.ts';

/** What TCP relays tell the state machine. */
export interface TcpRelayEvents extends Pick<RelayPlaneEvents, 'opened' | 'failed' | 'lost'> {
  /** A peer has connected; `undefined` closes it again. */
  attempted(at: RelayedAddress, from: TransportAddress): PeerConnection | undefined;
  connected(connection: PeerConnection): void;
  /** The connection could not be made, or has ended on either side. */
  gone(connection: PeerConnection): void;
  /** Bytes pass; the answer is how many milliseconds to wait before reading more. */
  passing(connection: PeerConnection, direction: 'fromClient' | 'toClient', bytes: number): number;
}

/** Relayed addresses for TCP (RFC 6062): listening sockets, connections with peers, and clients' connections joined to them. */
export class TcpRelays {
  readonly #events: TcpRelayEvents;
  readonly #servers = new Map<RelayedAddress, Server>();
  readonly #peers = new Map<PeerConnection, Socket>();
  readonly #clients = new Map<PeerConnection, Duplex>();

  constructor(events: TcpRelayEvents) {
    this.#events = events;
  }

  /** Listens at `relayedAddress.local`; `opened` or `failed` follows. */
  open(relayedAddress: RelayedAddress): void {
    // Nothing is read before the client has bound the connection: TCP holds the peer back.
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
    const { ip, port } = relayedAddress.local;
    let open = false;
    server.on('connection', (socket) => this.#attempted(relayedAddress, socket));
    server.on('listening', () => {
      open = true;
      this.#events.opened(relayedAddress);
    });
    server.on('error', (error: NodeJS.ErrnoException) => {
      this.#servers.delete(relayedAddress);
      server.close();
      const failure = error.code === 'EADDRINUSE' ? 'port-in-use' : 'unavailable';
      if (open) this.#events.lost(relayedAddress, error.message);
      else this.#events.failed(relayedAddress, failure, error.message);
    });
    server.listen({ host: ip.text, port, exclusive: true });
    this.#servers.set(relayedAddress, server);
  }

  /** Stops listening; the state machine closes the connections by themselves. */
  close(relayedAddress: RelayedAddress): void {
    this.#servers.get(relayedAddress)?.close();
    this.#servers.delete(relayedAddress);
  }

  /** Connects to a peer; `connected` or `gone` follows. The local port is a free one: see docs/decisions. */
  connect(connection: PeerConnection): void {
    const { ip, port } = connection.target;
    const localAddress = connection.relayedAddress.local.ip.text;
    const socket = connect({ host: ip.text, port, localAddress, allowHalfOpen: true });
    socket.pause();
    socket.on('connect', () => this.#events.connected(connection));
    this.#keep(connection, socket);
  }

  /**
   * Joins a client's connection with a peer's: from now on every byte goes across.
   *
   * @param unread what the client sent behind its ConnectionBind.
   */
  join(connection: PeerConnection, client: Duplex, unread: Buffer): void {
    const peer = this.#peers.get(connection);
    if (peer === undefined) {
      client.destroy();
      return;
    }
    this.#clients.set(connection, client);
    const ended = () => this.#events.gone(connection);
    client.on('close', ended);
    client.on('error', ended);
    const up = new OneWay(client, peer, (bytes) => this.#events.passing(connection, 'fromClient', bytes));
    new OneWay(peer, client, (bytes) => this.#events.passing(connection, 'toClient', bytes));
    up.carry(unread);
    peer.resume();
    client.resume();
  }

  /** Closes the connection with a peer, and the client's that it is joined with. */
  closeConnection(connection: PeerConnection): void {
    this.#peers.get(connection)?.destroy();
    this.#clients.get(connection)?.destroy();
    this.#peers.delete(connection);
    this.#clients.delete(connection);
  }

  stop(): void {
    for (const server of this.#servers.values()) server.close();
    for (const connection of [...this.#peers.keys()]) this.closeConnection(connection);
    this.#servers.clear();
  }

  #attempted(relayedAddress: RelayedAddress, socket: Socket): void {
    const ip = IpAddress.parse(socket.remoteAddress ?? '');
    const from = ip && { ip, port: socket.remotePort ?? 0 };
    const connection = from && this.#events.attempted(relayedAddress, from);
    if (connection === undefined) {
      socket.on('error', () => {});
      socket.resetAndDestroy();
      return;
    }
    this.#keep(connection, socket);
  }

  #keep(connection: PeerConnection, socket: Socket): void {
    socket.setNoDelay(true);
    // A reset is one way to end; `close` follows every error.
    socket.on('error', () => {});
    socket.on('close', () => this.#events.gone(connection));
    this.#peers.set(connection, socket);
  }
}
