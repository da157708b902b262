import { writeAddress, writeXorAddress } from '../../src/stun/attributes/address.ts';
import { writeErrorCode } from '../../src/stun/attributes/error-code.ts';
import { readChangeRequest, readResponsePort, writePadding } from '../../src/stun/attributes/nat-behavior.ts';
import { writeUnknownAttributes } from '../../src/stun/attributes/unknown-attributes.ts';
import { IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { ReadResult, StunMessage } from '../../src/stun/message.ts';
import { MessageWriter } from '../../src/stun/message-writer.ts';
import { Attribute, MessageClass, Method } from '../../src/stun/protocol.ts';
import type { Schedule } from './schedule.ts';
import type { SeededRandom } from './seeded-random.ts';
import { address, type VirtualNetwork } from './virtual-network.ts';

/** What is wrong with a server. */
export interface ServerFaults {
  /** Answers nothing at all. */
  readonly silent?: boolean;
  /** Answers from this address, whatever was asked. */
  readonly answersFrom?: TransportAddress;
  readonly wrongTransactionId?: boolean;
  /** Sends bytes that are no STUN. */
  readonly garbage?: boolean;
  /** Answers a request to change as if it had none, refuses it with an error, or says nothing. */
  readonly changeRequest?: 'ignored' | 'refused' | 'dropped';
  /** Says that this is its other address. */
  readonly otherAddress?: TransportAddress;
  /** Says that it answers from here. */
  readonly responseOrigin?: TransportAddress;
  /** Answers so many packets a second, with so many at once. */
  readonly answersPerSecond?: number;
  readonly answersAtOnce?: number;
  /** Counts those for each address and port that asks, not for all. */
  readonly limitsEachSource?: boolean;
  /** Answers everything with this error code. */
  readonly errorCode?: number;
  /** Leaves out the address that it sees, or makes one up: its port, or all of it. */
  readonly mappedAddress?: 'missing' | 'plain-only' | 'made-up' | 'made-up-address';
  readonly responsePort?: 'ignored' | 'refused';
  readonly padding?: 'ignored' | 'refused';
  /** Of its four sockets these say nothing: `B:P1`, `B:P2` or `A:P2`. */
  readonly deaf?: readonly string[];
}

interface Endpoint {
  readonly name: string;
  readonly at: TransportAddress;
}

/** A STUN server in virtual time: with two addresses one of RFC 5780, with one a plain one. */
export class VirtualStunServer {
  readonly primary: TransportAddress;
  /** Requests that came, oldest first. */
  readonly requests: { readonly at: number; readonly id: string }[] = [];
  readonly #schedule: Schedule;
  readonly #network: VirtualNetwork;
  readonly #random: SeededRandom;
  readonly #faults: ServerFaults;
  readonly #endpoints: readonly Endpoint[];
  readonly #allowances = new Map<string, { tokens: number; filledAt: number }>();

  /** @param other B:P2; without it the server has only the one address. */
  constructor(
    world: { readonly schedule: Schedule; readonly network: VirtualNetwork; readonly random: SeededRandom },
    primary: string,
    other?: string,
    faults: ServerFaults = {},
  ) {
    this.#schedule = world.schedule;
    this.#network = world.network;
    this.#random = world.random;
    this.#faults = faults;
    this.primary = address(primary);
    const b = other === undefined ? undefined : address(other);
    this.#endpoints = b
      ? [
          { name: 'A:P1', at: this.primary },
          { name: 'B:P1', at: { ip: b.ip, port: this.primary.port } },
          { name: 'A:P2', at: { ip: this.primary.ip, port: b.port } },
          { name: 'B:P2', at: b },
        ]
      : [{ name: 'A:P1', at: this.primary }];
    for (const endpoint of this.#endpoints) {
      this.#network.attach(endpoint.at, (from, bytes) => this.#receive(endpoint, from, bytes));
    }
  }

  #receive(endpoint: Endpoint, from: TransportAddress, bytes: Buffer): void {
    const request = new StunMessage();
    if (request.read(bytes, 0, bytes.length) !== ReadResult.ok || request.messageClass !== MessageClass.request) return;
    this.requests.push({ at: this.#schedule.now, id: request.transactionId.toString('hex') });
    const { silent, deaf = [], garbage } = this.#faults;
    if (silent || deaf.includes(endpoint.name) || !this.#mayAnswer(from)) return;
    if (garbage) {
      this.#network.send(endpoint.at, from, this.#random.bytes(this.#random.between(1, 100)));
      return;
    }
    this.#answer(endpoint, from, request);
  }

  #mayAnswer({ ip, port }: TransportAddress): boolean {
    const { answersPerSecond, answersAtOnce = 1, limitsEachSource } = this.#faults;
    if (answersPerSecond === undefined) return true;
    const key = limitsEachSource ? `${ip.text} ${port}` : ip.text;
    const now: number = this.#schedule.now;
    const before = this.#allowances.get(key) ?? { tokens: answersAtOnce, filledAt: now };
    const filled = before.tokens + ((now - before.filledAt) / 1000) * answersPerSecond;
    const tokens = Math.min(answersAtOnce, filled);
    this.#allowances.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, filledAt: now });
    return tokens >= 1;
  }

  #answer(endpoint: Endpoint, from: TransportAddress, request: StunMessage): void {
    const faults = this.#faults;
    const changeIndex = request.find(Attribute.changeRequest);
    const portIndex = request.find(Attribute.responsePort);
    const paddingIndex = request.find(Attribute.padding);
    const knowsDiscovery = this.#endpoints.length > 1;
    const refused = [
      ...(changeIndex >= 0 && (faults.changeRequest === 'refused' || !knowsDiscovery) ? [Attribute.changeRequest] : []),
      ...(portIndex >= 0 && (faults.responsePort === 'refused' || !knowsDiscovery) ? [Attribute.responsePort] : []),
      ...(paddingIndex >= 0 && (faults.padding === 'refused' || !knowsDiscovery) ? [Attribute.padding] : []),
    ];
    const code = faults.errorCode ?? (refused.length > 0 ? 420 : undefined);
    if (code !== undefined) {
      const error = this.#begin(MessageClass.error, request);
      writeErrorCode(error, code, 'no');
      if (refused.length > 0) writeUnknownAttributes(error, refused);
      this.#network.send(endpoint.at, from, error.finish());
      return;
    }
    const change = changeIndex < 0 ? undefined : readChangeRequest(request, changeIndex);
    if (change && faults.changeRequest === 'dropped') return;
    const responder = change && faults.changeRequest !== 'ignored' ? this.#responder(endpoint, change) : endpoint.at;
    const responsePort =
      portIndex < 0 || faults.responsePort === 'ignored' ? from.port : readResponsePort(request, portIndex)!;
    const answer = this.#success(responder, endpoint, from, request);
    if (paddingIndex >= 0 && faults.padding !== 'ignored') {
      writePadding(answer, Math.min(1500, request.lengthAt(paddingIndex)));
    }
    this.#network.send(faults.answersFrom ?? responder, { ip: from.ip, port: responsePort }, answer.finish());
  }

  #success(
    responder: TransportAddress,
    endpoint: Endpoint,
    from: TransportAddress,
    request: StunMessage,
  ): MessageWriter {
    const { mappedAddress, responseOrigin, otherAddress } = this.#faults;
    const isMadeUp = mappedAddress === 'made-up' || mappedAddress === 'made-up-address';
    const ip = mappedAddress === 'made-up-address' ? this.#anyAddress() : from.ip;
    const seen = isMadeUp ? { ip, port: this.#random.between(1024, 65_535) } : from;
    const answer = this.#begin(MessageClass.success, request);
    if (mappedAddress === undefined || isMadeUp) {
      writeXorAddress(answer, Attribute.xorMappedAddress, seen);
    }
    if (mappedAddress !== 'missing') writeAddress(answer, Attribute.mappedAddress, seen);
    if (this.#endpoints.length > 1 || otherAddress) {
      writeAddress(answer, Attribute.responseOrigin, responseOrigin ?? responder);
      writeAddress(answer, Attribute.otherAddress, otherAddress ?? this.#otherOf(endpoint));
    }
    return answer;
  }

  #anyAddress(): IpAddress {
    return IpAddress.parse(`192.0.2.${this.#random.between(100, 250)}`)!;
  }

  #begin(messageClass: MessageClass, request: StunMessage): MessageWriter {
    const id = this.#faults.wrongTransactionId ? this.#random.bytes(12) : request.transactionId;
    return new MessageWriter(4000).begin(messageClass, Method.binding, id);
  }

  #responder({ at }: Endpoint, change: { readonly changeIp: boolean; readonly changePort: boolean }): TransportAddress {
    const other = this.#otherOf({ name: '', at });
    return { ip: change.changeIp ? other.ip : at.ip, port: change.changePort ? other.port : at.port };
  }

  #otherOf({ at }: Endpoint): TransportAddress {
    const other = this.#endpoints.find((e) => e.at.ip.text !== at.ip.text && e.at.port !== at.port);
    return other?.at ?? at;
  }
}
