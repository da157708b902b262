import type { Clock } from '../client/clock.ts';
import { type ForeignDatagram, foreignDatagram } from '../client/foreign-protocol.ts';
import type { MessageSocket } from '../client/message-socket.ts';
import type { TransportError } from '../client/transport-error.ts';
import type { TransportAddress } from '../stun/ip-address.ts';

/** How long requests took, since it was asked last. */
export interface Exchanges {
  /** Of the slowest, from its first send to the answer. */
  readonly slowestMs: number;
  /** How often the one that needed most sends was sent. */
  readonly mostSends: number;
}

const MESSAGE_HEADER_LENGTH = 20;
/** The two bits of the message type that are the class (RFC 8489 §5). */
const CLASS_MASK = 0x0110;
const REQUEST = 0x0000;
const INDICATION = 0x0010;

/** A socket of the ladder: it hands everything on, and notes how fast requests are answered, and what came that is no STUN. */
export class WatchedSocket implements MessageSocket {
  readonly localAddress: TransportAddress;
  readonly reliable: boolean;
  onMessage: MessageSocket['onMessage'] = () => {};
  onError: (error: TransportError) => void = () => {};
  /** What the first datagram was, where it came before any answer and is no STUN. */
  stranger: ForeignDatagram | undefined;

  readonly #socket: MessageSocket;
  readonly #clock: Clock;
  readonly #pending = new Map<string, { readonly sentAt: number; sends: number }>();
  #lastRequest: Uint8Array = Buffer.alloc(0);
  #looksForStrangers: boolean;
  #exchanges: Exchanges = { slowestMs: 0, mostSends: 0 };

  constructor(socket: MessageSocket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.localAddress = socket.localAddress;
    this.reliable = socket.reliable;
    // Over a stream the socket itself sees what comes first.
    this.#looksForStrangers = !socket.reliable;
    socket.onMessage = (bytes, from) => this.#receive(bytes, from);
    socket.onError = (error) => this.onError(error);
  }

  send(bytes: Uint8Array, to: TransportAddress): void {
    if (classOf(bytes) === REQUEST) this.#sent(bytes);
    this.#socket.send(bytes, to);
  }

  close(): void {
    this.#socket.close();
  }

  /** The exchanges since the last call. */
  takeExchanges(): Exchanges {
    const taken = this.#exchanges;
    this.#exchanges = { slowestMs: 0, mostSends: 0 };
    return taken;
  }

  #sent(request: Uint8Array): void {
    const id = transactionOf(request);
    const pending = this.#pending.get(id);
    if (pending) pending.sends++;
    else this.#pending.set(id, { sentAt: this.#clock.now(), sends: 1 });
    this.#lastRequest = request;
  }

  #receive(bytes: Buffer, from: TransportAddress): void {
    const messageClass = classOf(bytes);
    if (messageClass !== undefined && messageClass !== REQUEST && messageClass !== INDICATION) this.#answered(bytes);
    if (this.#looksForStrangers) this.stranger ??= foreignDatagram(bytes, this.#lastRequest);
    this.onMessage(bytes, from);
  }

  #answered(answer: Buffer): void {
    const id = transactionOf(answer);
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    this.#looksForStrangers = false;
    const { slowestMs, mostSends } = this.#exchanges;
    this.#exchanges = {
      slowestMs: Math.max(slowestMs, this.#clock.now() - pending.sentAt),
      mostSends: Math.max(mostSends, pending.sends),
    };
  }
}

function classOf(bytes: Uint8Array): number | undefined {
  const isMessage = bytes.length >= MESSAGE_HEADER_LENGTH && bytes[0]! < 0x40;
  return isMessage ? ((bytes[0]! << 8) | bytes[1]!) & CLASS_MASK : undefined;
}

function transactionOf(message: Uint8Array): string {
  return Buffer.from(message.buffer, message.byteOffset + 8, 12).toString('latin1');
}
