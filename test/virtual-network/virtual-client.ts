import { readXorAddress, writeXorAddress } from '../../src/stun/attributes/address.ts';
import {
  writeAddressFamily,
  writeChannelNumber,
  writeEvenPort,
  writeLifetime,
  writeRequestedTransport,
  writeReservationToken,
} from '../../src/stun/attributes/allocation.ts';
import { writePasswordAlgorithm } from '../../src/stun/attributes/password-algorithms.ts';
import { writeText } from '../../src/stun/attributes/text.ts';
import { CHANNEL_DATA_HEADER_LENGTH, isChannelData, writeChannelDataHeader } from '../../src/stun/channel-data.ts';
import { writeFingerprint } from '../../src/stun/fingerprint.ts';
import { type IntegrityAlgorithm, writeIntegrity } from '../../src/stun/integrity.ts';
import type { TransportAddress } from '../../src/stun/ip-address.ts';
import { longTermKey, PasswordAlgorithm } from '../../src/stun/long-term-key.ts';
import { MessageWriter } from '../../src/stun/message-writer.ts';
import {
  type AddressFamily,
  Attribute,
  ErrorCode,
  MessageClass,
  Method,
  TransportProtocol,
} from '../../src/stun/protocol.ts';
import { Answer } from './answer.ts';
import type { Schedule } from './schedule.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { VirtualNetwork } from './virtual-network.ts';

/** Adds the attributes of a method to a request. */
export type Attributes = (writer: MessageWriter) => void;

const none: Attributes = () => {};

/** How a request is put together when it is not to be the ordinary one. */
export interface RequestShape {
  readonly transactionId?: Buffer;
  readonly fingerprint?: boolean;
  /** Added behind the integrity attribute, where nothing counts any more. */
  readonly behindIntegrity?: Attributes;
}

export interface AllocateWishes {
  readonly lifetimeSeconds?: number;
  readonly evenPort?: 'reserve-next' | 'reserve-nothing';
  readonly reservationToken?: Buffer;
  readonly family?: AddressFamily;
  readonly additionalFamily?: AddressFamily;
  readonly dontFragment?: boolean;
  readonly transport?: number | undefined;
  readonly more?: Attributes;
}

/** What a client received on its relayed address. */
export interface Received {
  readonly peer: TransportAddress | undefined;
  readonly channel: number | undefined;
  readonly data: string;
}

type Done = (answer: Answer | undefined) => void;

/** RFC 8489 §6.2.1: the first wait, doubled each time, and how often a request is sent. */
const FIRST_TIMEOUT_MS = 500;
const ATTEMPTS = 7;

/** A small TURN client with everything a test may want to bend. It is written on the codec alone. */
export class VirtualClient {
  at: TransportAddress;
  username: string;
  password: string;
  /** The realm and nonce that it was given. */
  realm: string | undefined;
  nonce: string | undefined;
  /** Which HMAC its requests carry. */
  integrity: IntegrityAlgorithm = 'sha1';
  /** Which hash makes its key; `undefined` for a client that does not know of password algorithms (MD5). */
  passwordAlgorithm: PasswordAlgorithm | undefined;
  /** The list that it sends back; what the server sent unless a test tampers with it. */
  passwordAlgorithms: Buffer | undefined;
  readonly received: Received[] = [];
  /** Called for everything received instead of keeping it. */
  onData: ((received: Received) => void) | undefined;
  /** Every answer that came to it, expected or not. */
  readonly answers: Answer[] = [];
  /** Requests that wait for their answer, by transaction id. */
  readonly #waiting = new Map<string, Done>();
  readonly #writer = new MessageWriter();
  readonly #network: VirtualNetwork;
  readonly #schedule: Schedule;
  readonly #random: SeededRandom;
  readonly #server: TransportAddress;
  #gone = false;
  #key: { readonly from: string; readonly key: Buffer } | undefined;

  constructor(init: {
    network: VirtualNetwork;
    schedule: Schedule;
    random: SeededRandom;
    server: TransportAddress;
    at: TransportAddress;
    username: string;
    password: string;
  }) {
    this.#network = init.network;
    this.#schedule = init.schedule;
    this.#random = init.random;
    this.#server = init.server;
    this.at = init.at;
    this.username = init.username;
    this.password = init.password;
    this.#network.attach(this.at, (_, bytes) => this.#receive(bytes));
  }

  /** Disappears without a word. */
  vanish(): void {
    this.#gone = true;
    this.#waiting.clear();
    this.#network.detach(this.at);
  }

  get key(): Buffer {
    const from = `${this.passwordAlgorithm ?? PasswordAlgorithm.md5} ${this.username} ${this.realm} ${this.password}`;
    if (this.#key?.from !== from) {
      const algorithm = this.passwordAlgorithm ?? PasswordAlgorithm.md5;
      this.#key = { from, key: longTermKey(algorithm, this.username, this.realm ?? '', this.password) };
    }
    return this.#key.key;
  }

  transactionId(): Buffer {
    return this.#random.bytes(12);
  }

  /** Puts a request together; signed once realm and nonce are known. */
  build(method: number, attributes: Attributes = none, shape: RequestShape = {}): Buffer {
    const writer = this.#writer.begin(MessageClass.request, method, shape.transactionId ?? this.transactionId());
    attributes(writer);
    if (this.realm !== undefined && this.nonce !== undefined && method !== Method.binding) {
      writeText(writer, Attribute.username, this.username);
      writeText(writer, Attribute.realm, this.realm);
      writeText(writer, Attribute.nonce, this.nonce);
      if (this.passwordAlgorithm !== undefined) {
        if (this.passwordAlgorithms !== undefined) {
          writer.attribute(Attribute.passwordAlgorithms, this.passwordAlgorithms);
        }
        writePasswordAlgorithm(writer, this.passwordAlgorithm);
      }
      writeIntegrity(writer, this.integrity, this.key);
      shape.behindIntegrity?.(writer);
    }
    if (shape.fingerprint === true) writeFingerprint(writer);
    return writer.finish();
  }

  /** Sends any bytes to the server. */
  send(bytes: Buffer): void {
    if (!this.#gone) this.#network.send(this.at, this.#server, bytes);
  }

  /** Sends these bytes once and returns the answer that has come when everything due now has happened. */
  exchange(bytes: Buffer): Answer | undefined {
    let answer: Answer | undefined;
    this.#expect(bytes, (received) => {
      answer = received;
    });
    this.send(bytes);
    this.#schedule.settle();
    this.#waiting.delete(idOf(bytes));
    return answer;
  }

  /** Makes a request on a perfect network; a challenge or a stale nonce is answered once. */
  request(method: number, attributes: Attributes = none, shape: RequestShape = {}): Answer {
    let answer = this.exchange(this.build(method, attributes, shape));
    if (answer !== undefined && this.#takesUp(answer)) answer = this.exchange(this.build(method, attributes, shape));
    if (answer === undefined) throw new Error('the server did not answer');
    return answer;
  }

  /** Makes a request on any network, with the retransmissions of RFC 8489; `done` gets nothing when no answer came. */
  transact(method: number, attributes: Attributes, done: Done, challenges = 3): void {
    const bytes = this.build(method, attributes);
    this.#expect(bytes, (answer) => {
      if (answer !== undefined && challenges > 0 && this.#takesUp(answer)) {
        this.transact(method, attributes, done, challenges - 1);
      } else {
        done(answer);
      }
    });
    this.#retransmit(bytes, idOf(bytes), 0);
  }

  allocate(wishes: AllocateWishes = {}, shape: RequestShape = {}): Answer {
    return this.request(Method.allocate, allocateAttributes(wishes), shape);
  }

  refresh(lifetimeSeconds?: number, family?: AddressFamily, shape: RequestShape = {}): Answer {
    return this.request(Method.refresh, refreshAttributes(lifetimeSeconds, family), shape);
  }

  createPermission(...peers: readonly TransportAddress[]): Answer {
    return this.request(Method.createPermission, peerAttributes(peers));
  }

  channelBind(channel: number, peer: TransportAddress): Answer {
    return this.request(Method.channelBind, channelAttributes(channel, peer));
  }

  /** Sends a Send indication. */
  sendTo(peer: TransportAddress, data: string | Buffer, more: Attributes = none): void {
    this.send(this.buildSend(peer, data, more));
    this.#schedule.settle();
  }

  buildSend(peer: TransportAddress, data: string | Buffer, more: Attributes = none): Buffer {
    const writer = this.#writer.begin(MessageClass.indication, Method.send, this.transactionId());
    writeXorAddress(writer, Attribute.xorPeerAddress, peer);
    more(writer);
    writer.attribute(Attribute.data, latin1(data));
    return writer.finish();
  }

  /** Sends a ChannelData message. */
  sendOn(channel: number, data: string | Buffer): void {
    this.send(channelData(channel, data));
    this.#schedule.settle();
  }

  /** The payloads that came since the last call. */
  take(): string[] {
    return this.received.splice(0).map(({ data }) => data);
  }

  /** Takes realm and nonce from a 401 that came before there were any, or from a 438. */
  #takesUp(answer: Answer): boolean {
    const { code } = answer;
    const first = code === ErrorCode.unauthenticated && this.nonce === undefined;
    if (!first && code !== ErrorCode.staleNonce) return false;
    this.realm = answer.realm;
    this.nonce = answer.nonce;
    const list = answer.message.find(Attribute.passwordAlgorithms);
    if (list >= 0) this.passwordAlgorithms = Buffer.from(answer.message.valueAt(list));
    return true;
  }

  #expect(request: Buffer, done: Done): void {
    this.#waiting.set(idOf(request), done);
  }

  #retransmit(bytes: Buffer, id: string, attempt: number): void {
    if (this.#gone || !this.#waiting.has(id)) return;
    if (attempt === ATTEMPTS) {
      const done = this.#waiting.get(id)!;
      this.#waiting.delete(id);
      done(undefined);
      return;
    }
    this.send(bytes);
    const wait = attempt === ATTEMPTS - 1 ? FIRST_TIMEOUT_MS * 16 : FIRST_TIMEOUT_MS * 2 ** attempt;
    this.#schedule.after(wait, () => this.#retransmit(bytes, id, attempt + 1));
  }

  #receive(bytes: Buffer): void {
    if (isChannelData(bytes[0]!)) {
      const length = bytes.readUInt16BE(2);
      const data = bytes.toString('latin1', CHANNEL_DATA_HEADER_LENGTH, CHANNEL_DATA_HEADER_LENGTH + length);
      this.#keep({ peer: undefined, channel: bytes.readUInt16BE(0), data });
      return;
    }
    const answer = new Answer(bytes);
    const { message } = answer;
    if (message.messageClass === MessageClass.indication) {
      const data = message.valueAt(message.find(Attribute.data)).toString('latin1');
      const peer = readXorAddress(message, message.find(Attribute.xorPeerAddress));
      this.#keep({ peer, channel: undefined, data });
      return;
    }
    const id = idOf(bytes);
    const done = this.#waiting.get(id);
    if (done === undefined) {
      this.answers.push(answer);
      return;
    }
    this.#waiting.delete(id);
    done(answer);
  }

  #keep(received: Received): void {
    if (this.onData !== undefined) this.onData(received);
    else this.received.push(received);
  }
}

export function allocateAttributes(wishes: AllocateWishes): Attributes {
  return (writer) => {
    const transport = 'transport' in wishes ? wishes.transport : TransportProtocol.udp;
    if (transport !== undefined) writeRequestedTransport(writer, transport);
    if (wishes.lifetimeSeconds !== undefined) writeLifetime(writer, wishes.lifetimeSeconds);
    if (wishes.evenPort !== undefined) writeEvenPort(writer, wishes.evenPort === 'reserve-next');
    if (wishes.reservationToken !== undefined) writeReservationToken(writer, wishes.reservationToken);
    if (wishes.family !== undefined) writeAddressFamily(writer, Attribute.requestedAddressFamily, wishes.family);
    if (wishes.additionalFamily !== undefined) {
      writeAddressFamily(writer, Attribute.additionalAddressFamily, wishes.additionalFamily);
    }
    if (wishes.dontFragment === true) writer.flag(Attribute.dontFragment);
    wishes.more?.(writer);
  };
}

export function refreshAttributes(lifetimeSeconds?: number, family?: AddressFamily): Attributes {
  return (writer) => {
    if (lifetimeSeconds !== undefined) writeLifetime(writer, lifetimeSeconds);
    if (family !== undefined) writeAddressFamily(writer, Attribute.requestedAddressFamily, family);
  };
}

export function peerAttributes(peers: readonly TransportAddress[]): Attributes {
  return (writer) => {
    for (const peer of peers) writeXorAddress(writer, Attribute.xorPeerAddress, peer);
  };
}

export function channelAttributes(channel: number, peer: TransportAddress): Attributes {
  return (writer) => {
    writeChannelNumber(writer, channel);
    writeXorAddress(writer, Attribute.xorPeerAddress, peer);
  };
}

/** A ChannelData message without padding, as UDP allows. */
export function channelData(channel: number, data: string | Buffer): Buffer {
  const payload = latin1(data);
  const message = Buffer.alloc(CHANNEL_DATA_HEADER_LENGTH + payload.length);
  writeChannelDataHeader(message, 0, channel, payload.length);
  message.set(payload, CHANNEL_DATA_HEADER_LENGTH);
  return message;
}

function latin1(data: string | Buffer): Buffer {
  return typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
}

function idOf(message: Buffer): string {
  return message.toString('latin1', 8, 20);
}
