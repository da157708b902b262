import type { Socket } from 'node:net';
import { IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import { ReadResult, StunMessage } from '../stun/message.ts';
import { HEADER_LENGTH, MessageClass, Method } from '../stun/protocol.ts';
import type { MessageSocket } from './message-socket.ts';
import { systemError, type TransportError } from './transport-error.ts';

/** Longer messages do not answer a ConnectionBind. */
const MAX_MESSAGE_LENGTH = 4096;

/**
 * A connection on which a ConnectionBind is under way: STUN messages up to its success response, and from the next byte
 * on what the peer sends, which often comes in the same segment (RFC 6062 §4.4).
 */
export class DataConnection implements MessageSocket {
  readonly localAddress: TransportAddress;
  readonly reliable = true;
  onMessage: MessageSocket['onMessage'] = () => {};
  onError: MessageSocket['onError'] = () => {};

  readonly #socket: Socket;
  readonly #server: TransportAddress;
  readonly #message = new StunMessage();
  readonly #readable = () => this.#receive(this.#socket.read());
  readonly #closed = () => this.#fail({ kind: 'lost', code: 'CLOSED', message: 'The server closed the connection.' });
  readonly #failed = (error: Error) => this.#fail(systemError(error));
  #held = Buffer.alloc(0);
  #bound = false;
  #ended = false;

  constructor(socket: Socket, server: TransportAddress) {
    this.#socket = socket;
    this.#server = server;
    this.localAddress = { ip: IpAddress.parse(socket.localAddress ?? '') ?? server.ip, port: socket.localPort ?? 0 };
    // Read on demand: a socket that was switched to flowing could not be handed over as if nobody had touched it.
    socket.on('readable', this.#readable).on('end', this.#closed).on('close', this.#closed).on('error', this.#failed);
  }

  /** The connection to the peer, from its first byte on, once it is bound. Nothing is read before its owner does. */
  get stream(): Socket | undefined {
    return this.#bound && !this.#ended ? this.#socket : undefined;
  }

  send(bytes: Uint8Array): void {
    if (!this.#ended) this.#socket.write(bytes);
  }

  close(): void {
    this.#ended = true;
    this.#socket.destroy();
  }

  #receive(chunk: Buffer | null): void {
    if (!chunk) return;
    this.#held = Buffer.concat([this.#held, chunk]);
    while (!this.#bound && !this.#ended && this.#held.length >= HEADER_LENGTH) {
      const length = HEADER_LENGTH + this.#held.readUInt16BE(2);
      if (length <= MAX_MESSAGE_LENGTH && this.#held.length < length) return;
      const bytes = this.#held.subarray(0, length);
      this.#held = this.#held.subarray(length);
      if (this.#message.read(bytes, 0, bytes.length) !== ReadResult.ok) {
        this.#fail(notStun);
        return;
      }
      const { messageClass, method } = this.#message;
      if (messageClass === MessageClass.success && method === Method.connectionBind) this.#handOver();
      this.onMessage(bytes, this.#server);
    }
  }

  #handOver(): void {
    this.#bound = true;
    this.#socket.off('readable', this.#readable).off('end', this.#closed).off('close', this.#closed);
    this.#socket.off('error', this.#failed);
    if (this.#held.length > 0) this.#socket.unshift(this.#held);
  }

  #fail(error: TransportError): void {
    if (this.#ended) return;
    this.close();
    this.onError(error);
  }
}

const notStun: TransportError = {
  kind: 'not-stun',
  code: 'NOT_STUN',
  message: 'What comes over the connection is no STUN.',
};
