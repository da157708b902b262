import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { DgramAsPromised } from 'dgram-as-promised';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readXorAddress, writeAddress, writeXorAddress } from '../../src/stun/attributes/address.ts';
import { writeLifetime } from '../../src/stun/attributes/allocation.ts';
import { readErrorCode, writeErrorCode } from '../../src/stun/attributes/error-code.ts';
import { readText, writeText } from '../../src/stun/attributes/text.ts';
import { writeUnknownAttributes } from '../../src/stun/attributes/unknown-attributes.ts';
import { fingerprintHolds, writeFingerprint } from '../../src/stun/fingerprint.ts';
import { findIntegrity, verifyIntegrity, writeIntegrity } from '../../src/stun/integrity.ts';
import { IpAddress } from '../../src/stun/ip-address.ts';
import { ReadResult, StunMessage } from '../../src/stun/message.ts';
import { MessageWriter, messageType } from '../../src/stun/message-writer.ts';
import { Attribute, MessageClass, Method } from '../../src/stun/protocol.ts';
import { requirePeer } from './peers.ts';
import { Taciturn } from './taciturn.ts';

/** What of the npm package `stun` is used here; it comes without types. */
interface StunPackage {
  createMessage(type: number, transactionId?: Buffer): TheirRequest;
  createServer(options: { type: 'udp4' | 'udp6'; socket: Socket }): TheirServer;
  request(url: string, options: { socket: Socket }): Promise<TheirMessage>;
  decode(bytes: Buffer): TheirMessage;
  validateFingerprint(message: TheirMessage): boolean;
  validateMessageIntegrity(message: TheirMessage, key: string): boolean;
}

interface TheirServer {
  once(event: 'bindingResponse', listener: (message: TheirMessage) => void): void;
  send(message: TheirRequest, port: number, address: string): boolean;
}

interface TheirMessage {
  readonly type: number;
  readonly transactionId: Buffer;
  readonly count: number;
  getXorAddress(): TheirAddress;
  getAddress(): TheirAddress;
  getUsername(): string;
  getRealm(): string;
  getNonce(): string;
  getError(): { code: number; reason: string };
  getUnknownAttributes(): number[];
  getAttribute(type: number): { readonly value: unknown } | undefined;
}

interface TheirRequest {
  readonly transactionId: Buffer;
  addSoftware(text: string): void;
  addUsername(text: string): void;
  addXorAddress(address: string, port: number): void;
  addError(code: number, reason?: string): void;
  addMessageIntegrity(key: string): void;
  addFingerprint(): void;
  addAttribute(type: number, ...value: unknown[]): void;
  toBuffer(): Buffer;
}

interface TheirAddress {
  readonly address: string;
  readonly port: number;
  readonly family: 'IPv4' | 'IPv6';
}

const installed = requirePeer('npm:stun');
const stun = (installed ? createRequire(import.meta.url)('stun') : undefined) as StunPackage;

const bindingRequest = messageType(MessageClass.request, Method.binding);

/** An error code as that package decodes it: class × (number + 100) instead of class × 100 + number. */
function asTheyReadIt(code: number): number {
  return Math.floor(code / 100) * ((code % 100) + 100);
}

function read(bytes: Buffer): StunMessage {
  const message = new StunMessage();
  expect(message.read(bytes, 0, bytes.length)).toBe(ReadResult.ok);
  return message;
}

async function boundSocket(host: string): Promise<Socket> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4').bind(0, host);
  await once(socket, 'listening');
  return socket;
}

describe.skipIf(!installed)('the npm package stun asks our daemon', () => {
  let daemon: Taciturn;
  beforeAll(async () => {
    daemon = await Taciturn.start();
  });
  afterAll(() => daemon?.stop());

  it('learns its address by URL', async () => {
    const socket = await boundSocket('127.0.0.1');
    const { port } = socket.address();
    const answer = await stun.request(`stun://127.0.0.1:${daemon.port}`, { socket });
    expect(answer.getXorAddress()).toEqual({ address: '127.0.0.1', port, family: 'IPv4' });
    socket.close();
  });

  it.each(['127.0.0.1', '::1'])('reads an answer with a fingerprint from %s', async (host) => {
    const socket = await boundSocket(host);
    const { port } = socket.address();
    const type = host === '::1' ? 'udp6' : 'udp4';
    const asking = stun.createServer({ type, socket });
    const request = stun.createMessage(bindingRequest);
    request.addSoftware('some client');
    request.addFingerprint();
    const answered = new Promise<TheirMessage>((resolve) => asking.once('bindingResponse', resolve));
    asking.send(request, daemon.port, host);
    const answer = await answered;
    expect(answer.transactionId).toEqual(request.transactionId);
    expect(answer.getXorAddress().port).toBe(port);
    expect(IpAddress.parse(answer.getXorAddress().address)!.text).toBe(host);
    expect(stun.validateFingerprint(answer)).toBe(true);
    // Nothing but the address and the fingerprint that was asked for by example: answers stay small.
    expect(answer.count).toBe(2);
    socket.close();
  });

  // One request, one answer: what this socket is good for.
  async function ask(request: Buffer): Promise<TheirMessage> {
    const socket = DgramAsPromised.createSocket('udp4');
    await socket.bind(0, '127.0.0.1');
    await socket.send(request, 0, request.length, daemon.port, '127.0.0.1');
    const packet = await socket.recv();
    await socket.close();
    return stun.decode(packet!.msg);
  }

  it('reads the list of attributes that we do not know', async () => {
    const request = stun.createMessage(bindingRequest);
    // PRIORITY and USE-CANDIDATE belong to ICE, not to a server, and must be understood (RFC 8445 §16.1).
    request.addAttribute(0x0024, 1);
    request.addAttribute(0x0025);
    const answer = await ask(request.toBuffer());
    expect(answer.type).toBe(messageType(MessageClass.error, Method.binding));
    expect(answer.getError().code).toBe(asTheyReadIt(420));
    expect(answer.getUnknownAttributes()).toEqual([0x0024, 0x0025]);
  });

  it('reads the challenge to an Allocate request', async () => {
    const answer = await ask(stun.createMessage(messageType(MessageClass.request, Method.allocate)).toBuffer());
    expect(answer.type).toBe(messageType(MessageClass.error, Method.allocate));
    expect(answer.getError().code).toBe(asTheyReadIt(401));
    expect(answer.getRealm()).toBe('taciturn');
    expect(answer.getNonce()).toMatch(/^obMatJos2/);
  });
});

// Port 0, which no packet comes from, is an error to them.
const port = fc.integer({ min: 1, max: 0xffff });
const ipv4 = fc.ipV4();
const ipv6 = fc.ipV6();
const transactionId = fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => Buffer.from(bytes));
const text = fc.string({ minLength: 1, maxLength: 100 });
const key = fc.string({ minLength: 1, maxLength: 60 });

describe.skipIf(!installed)('the decoder of the npm package stun agrees with ours', () => {
  it('about addresses', () => {
    fc.assert(
      fc.property(fc.oneof(ipv4, ipv6), port, transactionId, (host, number, id) => {
        const address = { ip: IpAddress.parse(host)!, port: number };
        const writer = new MessageWriter().begin(MessageClass.success, Method.binding, id);
        writeXorAddress(writer, Attribute.xorMappedAddress, address);
        writeAddress(writer, Attribute.mappedAddress, address);
        const theirs = stun.decode(writer.finish());
        expect(theirs.transactionId).toEqual(id);
        for (const read of [theirs.getXorAddress(), theirs.getAddress()]) {
          expect(read.port).toBe(number);
          expect(IpAddress.parse(read.address)!.text).toBe(address.ip.text);
        }
      }),
    );
  });

  it('about texts, numbers, integrity and fingerprint', () => {
    fc.assert(
      fc.property(text, text, key, transactionId, fc.nat(), (username, realm, password, id, lifetime) => {
        const writer = new MessageWriter().begin(MessageClass.request, Method.refresh, id);
        writeText(writer, Attribute.username, username);
        writeText(writer, Attribute.realm, realm);
        writeLifetime(writer, lifetime);
        writeIntegrity(writer, 'sha1', Buffer.from(password));
        writeFingerprint(writer);
        const theirs = stun.decode(writer.finish());
        expect(theirs.getUsername()).toBe(username);
        expect(theirs.getRealm()).toBe(realm);
        expect(theirs.getAttribute(Attribute.lifetime)!.value).toBe(lifetime);
        expect(stun.validateMessageIntegrity(theirs, password)).toBe(true);
        expect(stun.validateMessageIntegrity(theirs, `${password}!`)).toBe(false);
        expect(stun.validateFingerprint(theirs)).toBe(true);
      }),
    );
  });

  it('about errors', () => {
    const code = fc.integer({ min: 300, max: 699 });
    const types = fc.uniqueArray(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(code, text, types, transactionId, (number, reason, unknown, id) => {
        const writer = new MessageWriter().begin(MessageClass.error, Method.allocate, id);
        writeErrorCode(writer, number, reason);
        writeUnknownAttributes(writer, unknown);
        const theirs = stun.decode(writer.finish());
        expect(theirs.getError()).toEqual({ code: asTheyReadIt(number), reason });
        expect(theirs.getUnknownAttributes()).toEqual(unknown);
      }),
    );
  });
});

describe.skipIf(!installed)('we read what the npm package stun writes', () => {
  it('requests with integrity and fingerprint', () => {
    fc.assert(
      fc.property(text, key, transactionId, (username, password, id) => {
        const request = stun.createMessage(bindingRequest, id);
        request.addUsername(username);
        request.addMessageIntegrity(password);
        const signed = read(request.toBuffer());
        expect(signed.messageClass).toBe(MessageClass.request);
        expect(signed.method).toBe(Method.binding);
        expect(signed.transactionId).toEqual(id);
        expect(readText(signed, signed.find(Attribute.username))).toBe(username);
        expect(verifyIntegrity(signed, findIntegrity(signed, 'sha1'), 'sha1', Buffer.from(password))).toBe(true);
        request.addFingerprint();
        const printed = read(request.toBuffer());
        expect(printed.has(Attribute.fingerprint)).toBe(true);
        expect(fingerprintHolds(printed)).toBe(true);
      }),
    );
  });

  it('addresses and errors', () => {
    fc.assert(
      fc.property(fc.oneof(ipv4, ipv6), port, transactionId, (host, number, id) => {
        const answer = stun.createMessage(messageType(MessageClass.success, Method.binding), id);
        answer.addXorAddress(host, number);
        const message = read(answer.toBuffer());
        const address = readXorAddress(message, message.find(Attribute.xorMappedAddress))!;
        expect(address.port).toBe(number);
        expect(address.ip.text).toBe(IpAddress.parse(host)!.text);
      }),
    );
    const refused = stun.createMessage(messageType(MessageClass.error, Method.binding));
    refused.addError(438, 'Stale Nonce');
    const message = read(refused.toBuffer());
    expect(readErrorCode(message, message.find(Attribute.errorCode))).toEqual({ code: 438, reason: 'Stale Nonce' });
  });
});
