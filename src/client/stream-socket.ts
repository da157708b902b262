import type { Socket } from 'node:net';
import { isChannelData } from '../stun/channel-data.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import { StreamFramer } from '../stun/stream-framer.ts';
import { foreignProtocol } from './foreign-protocol.ts';
import type { MessageSocket } from './message-socket.ts';
import { systemError, type TransportError } from './transport-error.ts';

/** Bytes that may wait to be sent. Beyond them relayed data is dropped, as a full datagram queue drops it. */
const MAX_QUEUED_BYTES = 262_144;

/** As many bytes as have the magic cookie in them. */
const OPENING_LENGTH = 8;

/** Messages to and from one server over a TCP or TLS connection (RFC 8489 §6.2.2, RFC 8656 §12.5). */
export class StreamSocket implements MessageSocket {
  readonly localAddress: TransportAddress;
  readonly reliable = true;
  onMessage: MessageSocket['onMessage'] = () => {};
  onError: MessageSocket['onError'] = () => {};
  /** Relayed messages that did not fit into the queue. */
  dropped = 0;

  readonly #socket: Socket;
  readonly #server: TransportAddress;
  readonly #framer = new StreamFramer();
  /** The first bytes, until they have shown to be STUN: a framer alone takes `HTTP` for ChannelData and waits for the rest. */
  #opening: Buffer | undefined = Buffer.alloc(0);
  #ended = false;

  /** @param socket a connection that is established. */
  constructor(socket: Socket, localAddress: TransportAddress, server: TransportAddress) {
    this.#socket = socket;
    this.#server = server;
    this.localAddress = localAddress;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(systemError(error)));
    socket.on('end', () => this.#fail(closedByServer));
    socket.on('close', () => this.#fail(closedByServer));
  }

  send(bytes: Uint8Array): void {
    if (this.#ended) return;
    if (isRelayedData(bytes) && this.#socket.writableLength + bytes.length > MAX_QUEUED_BYTES) {
      this.dropped++;
      return;
    }
    this.#socket.write(padded(bytes));
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    // What was said last, such as the Refresh that gives an allocation back, still goes out.
    this.#socket.unref().destroySoon();
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#opening ? this.#open(this.#opening, chunk) : chunk;
    if (this.#ended || !bytes) return;
    const understood = this.#framer.push(bytes, (buffer, start, end) => {
      // A handler may have closed the socket.
      if (!this.#ended) this.onMessage(Buffer.from(buffer.subarray(start, end)), this.#server);
    });
    if (!understood) this.#fail({ ...notStun, speaks: 'unknown' });
  }

  /** Looks at the first bytes; `undefined` when they are too few, or no STUN. */
  #open(before: Buffer, chunk: Buffer): Buffer | undefined {
    const opening = Buffer.concat([before, chunk]);
    const speaks = foreignProtocol(opening);
    if (speaks) this.#fail({ ...notStun, speaks });
    const isWhole = opening.length >= OPENING_LENGTH;
    this.#opening = isWhole ? undefined : opening;
    return isWhole ? opening : undefined;
  }

  #fail(error: TransportError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.destroy();
    this.onError(error);
  }
}

const closedByServer: TransportError = { kind: 'lost', code: 'CLOSED', message: 'The server closed the connection.' };
const notStun: TransportError = {
  kind: 'not-stun',
  code: 'NOT_STUN',
  message: 'What comes over the connection is no STUN.',
};

/** What may be dropped, as UDP might drop it: ChannelData and Send indications. */
function isRelayedData(bytes: Uint8Array): boolean {
  return isChannelData(bytes[0]!) || (bytes[0] === 0x00 && bytes[1] === 0x16);
}

/** ChannelData fills up to a multiple of 4 in a stream; STUN messages always do (RFC 8656 §12.5). */
function padded(bytes: Uint8Array): Uint8Array {
  const missing = -bytes.length & 3;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}
