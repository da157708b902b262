import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { TransportAddress } from '../stun/ip-address.ts';
import { MAGIC_COOKIE } from '../stun/protocol.ts';
import { StreamFramer } from '../stun/stream-framer.ts';
import type { ClientConnection } from './client-listener.ts';
import type { CloseReason } from './close-reason.ts';
import { looksLikeProxyHeader, parseProxyHeader } from './proxy-protocol.ts';
import type { StreamConnections } from './stream-connections.ts';

/** How far a connection has come. */
export type ConnectionPhase =
  | 'proxy-header'
  | 'first-bytes'
  | 'handshake'
  | 'first-message'
  | 'open'
  | 'released'
  | 'closed';

/** RFC 7443: what clients of STUN, TURN and NAT discovery name in a TLS handshake. */
const applicationProtocols = ['stun.turn', 'stun.nat-discovery'];
const TLS_HANDSHAKE = 0x16;
const NOTHING = Buffer.alloc(0);
const COOKIE_END = 8;
const cookie = Buffer.alloc(4);
cookie.writeUInt32BE(MAGIC_COOKIE);
/** Messages that wait for one TLS client: so many no longer get a record each. */
const MERGED_FROM = 32;
/** Finds out about clients that have vanished without a word. */
const KEEP_ALIVE_MS = 60_000;

/**
 * The connection of one client over TCP or TLS: a listener of its own, as its five-tuple is its own.
 *
 * It first learns whom it talks to and in which way: a PROXY header where one is due, then either a TLS handshake or a STUN
 * message. What begins otherwise is closed at once.
 */
export class StreamConnection implements ClientConnection {
  readonly id: number;
  readonly local: TransportAddress;
  /** Whether an allocation lives on this connection: then its lifetime rules, not silence. */
  holdsAllocation = false;
  /** Whether a message has come since this was last set to false. */
  active = true;
  readonly #connections: StreamConnections;
  readonly #framer = new StreamFramer();
  readonly #socket: Socket;
  /** The socket, or the TLS connection over it. */
  #stream: Duplex;
  #transport: 'tcp' | 'tls' = 'tcp';
  #client: TransportAddress;
  #phase: ConnectionPhase;
  /** Bytes that do not yet say what they begin. */
  #opening: Buffer = NOTHING;
  /** The bytes in which messages are being looked for, and how far into them the last message reached. */
  #chunk: Buffer = NOTHING;
  #position = 0;
  /** Bytes of a message that has begun and not ended. */
  #heldLength = 0;

  constructor(
    id: number,
    socket: Socket,
    local: TransportAddress,
    client: TransportAddress,
    connections: StreamConnections,
  ) {
    this.id = id;
    this.local = local;
    this.#connections = connections;
    this.#socket = socket;
    this.#stream = socket;
    this.#client = client;
    this.#phase = connections.expectsProxyHeader(client.ip) ? 'proxy-header' : 'first-bytes';
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('data', this.#receive);
    socket.on('error', (error) => this.close('connection-error', error.message));
    socket.on('end', this.#ended);
    socket.on('close', () => this.close('client'));
  }

  get transport(): 'tcp' | 'tls' {
    return this.#transport;
  }

  /** The client's own address: the one that a trusted PROXY header names, or else the socket's. */
  get client(): TransportAddress {
    return this.#client;
  }

  get phase(): ConnectionPhase {
    return this.#phase;
  }

  /** Sends a message, or drops it when too much waits already for this client to read. */
  send(buffer: Buffer, start: number, end: number): void {
    const { host, limits } = this.#connections;
    if (this.#phase !== 'open') {
      host.listenerEvents.undelivered('send-failed', this.#phase);
      return;
    }
    const stream = this.#stream;
    const waiting = stream.writableLength;
    if (waiting + end - start > limits.queuedBytes) {
      host.listenerEvents.undelivered('send-queue-full', undefined);
      return;
    }
    const bytes = buffer.subarray(start, end);
    // The memory is the caller's again when this returns, so what cannot leave at once waits as a copy. The one buffer that
    // can be replaced afterwards, if it is needed still, is tried without.
    const isReplaceable = buffer === host.buffer.arrival.buffer;
    if (!isReplaceable || waiting > 0 || this.#transport === 'tls') {
      stream.write(Buffer.from(bytes));
      return;
    }
    stream.write(bytes);
    if (stream.writableLength > 0) host.buffer.renew();
  }

  /**
   * Gives the connection away as a plain stream of bytes, paused, as after a ConnectionBind (RFC 6062 §5.4). It is called while
   * that message is worked on.
   */
  release(): { readonly stream: Duplex; readonly unread: Buffer } {
    this.#phase = 'released';
    this.holdsAllocation = true;
    const stream = this.#stream;
    stream.off('data', this.#receive);
    stream.off('end', this.#ended);
    stream.pause();
    return { stream, unread: Buffer.from(this.#chunk.subarray(this.#position)) };
  }

  allocationChanged(exists: boolean): void {
    this.holdsAllocation = exists;
    this.active = true;
  }

  /** Ends the connection and what the client had on it. */
  close(reason: CloseReason = 'server', details?: string): void {
    if (this.#phase === 'closed') return;
    const phase = this.#phase;
    this.#phase = 'closed';
    this.#opening = NOTHING;
    this.#stream.destroy();
    this.#socket.destroy();
    this.#connections.closed(this, reason, phase, details);
  }

  readonly #receive = (chunk: Buffer): void => {
    switch (this.#phase) {
      case 'closed':
      case 'released':
      case 'handshake':
        return;
      case 'proxy-header':
        this.#readProxyHeader(this.#withOpening(chunk));
        return;
      case 'first-bytes':
        this.#readFirstBytes(this.#withOpening(chunk));
        return;
      case 'first-message':
      case 'open':
        this.#readFrames(chunk);
    }
  };

  #withOpening(chunk: Buffer): Buffer {
    const bytes = this.#opening.length === 0 ? chunk : Buffer.concat([this.#opening, chunk]);
    this.#opening = NOTHING;
    return bytes;
  }

  #readProxyHeader(bytes: Buffer): void {
    const header = parseProxyHeader(bytes);
    if (header.kind === 'incomplete') {
      this.#opening = bytes;
      return;
    }
    if (header.kind === 'malformed') {
      this.close('bad-proxy-header', header.why);
      return;
    }
    this.#client = header.client ?? this.#client;
    if (!this.#connections.place(this)) return;
    this.#phase = 'first-bytes';
    this.#readFirstBytes(bytes.subarray(header.length));
  }

  #readFirstBytes(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (bytes[0] === TLS_HANDSHAKE && this.#transport === 'tcp') {
      const context = this.#connections.secureContext();
      if (context === undefined) this.close('no-certificate');
      else this.#startTls(bytes, context);
    } else if (!mayBeginStun(bytes)) {
      if (looksLikeProxyHeader(bytes)) this.close('untrusted-proxy');
      else this.close('not-stun', 'it does not begin with a STUN message');
    } else if (bytes.length < COOKIE_END) {
      this.#opening = bytes;
    } else {
      this.#phase = 'first-message';
      this.#readFrames(bytes);
    }
  }

  #startTls(bytes: Buffer, secureContext: SecureContext): void {
    this.#phase = 'handshake';
    this.#transport = 'tls';
    const socket = this.#socket;
    socket.off('data', this.#receive);
    socket.pause();
    // The TLS socket reads what waits in the socket before it reads from the network.
    socket.unshift(bytes);
    const tls = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: applicationProtocols });
    writeOneByOne(tls);
    this.#stream = tls;
    this.#connections.handshakeBegun(this);
    tls.on('secure', () => {
      if (this.#phase !== 'handshake') return;
      this.#phase = 'first-bytes';
      this.#connections.handshakeDone(this);
    });
    tls.on('data', this.#receive);
    tls.on('error', (error: NodeJS.ErrnoException) => {
      if (this.#phase === 'handshake') this.close('handshake-failed', error.code ?? error.message);
      else this.close('connection-error', error.message);
    });
    socket.off('end', this.#ended);
    tls.on('end', this.#ended);
    tls.on('close', () => this.close(this.#phase === 'handshake' ? 'handshake-failed' : 'client'));
  }

  readonly #ended = (): void => this.close('client');

  #readFrames(bytes: Buffer): void {
    this.#chunk = bytes;
    this.#position = -this.#heldLength;
    const inSync = this.#framer.push(bytes, this.#takeFrame);
    this.#heldLength = bytes.length - this.#position;
    this.#chunk = NOTHING;
    if (!inSync && (this.#phase === 'open' || this.#phase === 'first-message'))
      this.close('not-stun', 'what follows a message is none');
  }

  readonly #takeFrame = (bytes: Buffer, start: number, end: number): void => {
    if (this.#phase === 'closed' || this.#phase === 'released') return;
    if (this.#phase === 'first-message') {
      this.#phase = 'open';
      this.#connections.opened(this);
    }
    this.active = true;
    this.#position += paddedLength(end - start);
    const { host } = this.#connections;
    host.buffer.loadFrame(bytes, start, end, this.#client);
    host.listenerEvents.received(this, host.buffer.arrival);
  };
}

/**
 * Keeps each message in a TLS record of its own, which Node would not do for those that had to wait: coturn's client reads one
 * message of each record and loses the others. Where too many wait they are merged all the same, as that is cheaper.
 */
function writeOneByOne(tls: TLSSocket): void {
  tls._writev = (chunks, callback) => {
    if (chunks.length > MERGED_FROM) {
      TLSSocket.prototype._writev!.call(tls, chunks, callback);
      return;
    }
    const writeFrom = (i: number): void => {
      const { chunk, encoding } = chunks[i]!;
      tls._write(chunk, encoding, (error) => {
        if (error || i + 1 === chunks.length) callback(error);
        else writeFrom(i + 1);
      });
    };
    writeFrom(0);
  };
}

/** Messages in a stream stand at multiples of four bytes. */
function paddedLength(length: number): number {
  return (length + 3) & ~3;
}

/** Whether a STUN message may begin so: two zero bits, and the magic cookie as far as it is there. */
function mayBeginStun(bytes: Buffer): boolean {
  const known = bytes.subarray(4, COOKIE_END);
  return bytes[0]! < 0x40 && known.equals(cookie.subarray(0, known.length));
}
