import { describe, expect, it } from 'vitest';
import { writeXorAddress } from '../stun/attributes/address.ts';
import { readChannelNumber, readLifetime, writeLifetime } from '../stun/attributes/allocation.ts';
import { writeErrorCode } from '../stun/attributes/error-code.ts';
import { readText, writeText } from '../stun/attributes/text.ts';
import { verifyIntegrity } from '../stun/integrity.ts';
import { IpAddress } from '../stun/ip-address.ts';
import { longTermKey, PasswordAlgorithm } from '../stun/long-term-key.ts';
import { StunMessage } from '../stun/message.ts';
import { MessageWriter } from '../stun/message-writer.ts';
import { Attribute, ErrorCode, MessageClass, Method } from '../stun/protocol.ts';
import { CHANNEL, Session, type SessionOptions } from './session.ts';

const peer = { ip: IpAddress.parse('192.0.2.9')!, port: 9 };
const relayed = { ip: IpAddress.parse('192.0.2.1')!, port: 50_000 };
const credentials = { username: 'alice', password: 'secret' };
const key = longTermKey(PasswordAlgorithm.md5, 'alice', 'example.org', 'secret');

/** A session and the requests it has sent; answers are given by hand. */
function session(options: Partial<SessionOptions> = {}) {
  const requests: StunMessage[] = [];
  const send = (bytes: Buffer) => {
    const request = new StunMessage();
    request.read(Buffer.from(bytes), 0, bytes.length);
    requests.push(request);
  };
  const one = new Session({ credentials, peer, mode: 'channel', reliable: false, send, ...options });
  const last = () => requests.at(-1)!;
  const answer = (messageClass: MessageClass, write: (writer: MessageWriter) => void, nowMs = 0, to = last()) => {
    const writer = new MessageWriter().begin(messageClass, to.method, to.transactionId);
    write(writer);
    const message = new StunMessage();
    message.read(writer.finish(), 0, writer.bytes.length);
    one.receive(message, nowMs);
  };
  const grant = (nowMs = 0) =>
    answer(
      MessageClass.success,
      (writer) => {
        writeXorAddress(writer, Attribute.xorRelayedAddress, relayed);
        writeXorAddress(writer, Attribute.xorMappedAddress, peer);
        writeLifetime(writer, 600);
      },
      nowMs,
    );
  const challenge = (code: ErrorCode, nonce: string, ...offered: readonly Buffer[]) =>
    answer(MessageClass.error, (writer) => {
      writeErrorCode(writer, code);
      writeText(writer, Attribute.realm, 'example.org');
      writeText(writer, Attribute.nonce, nonce);
      for (const offer of offered) writer.attribute(Attribute.passwordAlgorithms, offer);
    });
  const methods = () => requests.map(({ method }) => method);
  return { one, requests, last, answer, grant, challenge, methods };
}

function lifetimeOf(request: StunMessage): number | undefined {
  return readLifetime(request, request.find(Attribute.lifetime));
}

describe('a session of the load generator', () => {
  it('answers the challenge as browsers do, then binds its channel', async () => {
    const { one, last, grant, challenge, methods } = session();
    const opened = one.open(0);
    expect(last().has(Attribute.username)).toBe(false);
    const bothAlgorithms = Buffer.from('0002000000010000', 'hex');
    challenge(ErrorCode.unauthenticated, 'n1', bothAlgorithms);
    const integrity = last().find(Attribute.messageIntegrity);
    expect(integrity).toBeGreaterThan(0);
    expect(verifyIntegrity(last(), integrity, 'sha1', key)).toBe(true);
    grant();
    expect(readChannelNumber(last(), last().find(Attribute.channelNumber))).toBe(CHANNEL);
    grant();
    await opened;
    expect(methods()).toEqual([Method.allocate, Method.allocate, Method.channelBind]);
    expect(one.relayedAddress).toEqual(relayed);
    expect(one.failure).toBeUndefined();
  });

  it('takes SHA-256 where the server wants nothing less', () => {
    const { one, last, challenge } = session();
    void one.open(0);
    challenge(ErrorCode.unauthenticated, 'n1', Buffer.from('00020000', 'hex'));
    expect(last().has(Attribute.messageIntegritySha256)).toBe(true);
  });

  it('creates a permission when data goes in indications, and nothing when there is no peer', async () => {
    for (const [options, expected] of [
      [{ mode: 'send' as const }, [Method.allocate, Method.createPermission]],
      [{ peer: undefined }, [Method.allocate]],
    ] as const) {
      const { one, grant, methods } = session(options);
      const opened = one.open(0);
      for (const _ of expected) grant();
      await opened;
      expect(methods()).toEqual(expected);
    }
  });

  it('sends again what is not answered, and gives up in the end', async () => {
    const { one, requests } = session();
    const opened = one.open(1000);
    for (let now = 1000; now < 15_000; now += 50) one.advance(now);
    await opened;
    expect(requests).toHaveLength(5);
    expect(new Set(requests.map(({ transactionId }) => transactionId.toString('hex'))).size).toBe(1);
    expect(one.failure).toBe('the server does not answer');
  });

  it('sends nothing again over TCP', () => {
    const { one, requests } = session({ reliable: true });
    void one.open(0);
    for (let now = 0; now < 5000; now += 50) one.advance(now);
    expect(requests).toHaveLength(1);
  });

  it('takes only the answer to the request that is under way', () => {
    const { one, requests, answer, methods } = session();
    void one.open(0);
    answer(MessageClass.success, () => {}, 0, { method: 3, transactionId: Buffer.alloc(12) } as StunMessage);
    expect(methods()).toEqual([Method.allocate]);
    expect(requests).toHaveLength(1);
    expect(one.failure).toBeUndefined();
  });

  it('renews what it has before the permission is over, with a fresh nonce when that is wanted', async () => {
    const { one, last, grant, challenge, methods } = session();
    void one.open(0);
    challenge(ErrorCode.unauthenticated, 'n1');
    grant();
    grant(0);
    one.advance(239_000);
    expect(methods()).toHaveLength(3);
    one.advance(240_000);
    challenge(ErrorCode.staleNonce, 'n2');
    expect(readText(last(), last().find(Attribute.nonce))).toBe('n2');
    grant();
    grant();
    expect(methods().slice(3)).toEqual([Method.refresh, Method.refresh, Method.channelBind]);
    expect(one.failure).toBeUndefined();
  });

  it('gives its allocation back', async () => {
    const { one, last, grant } = session({ peer: undefined });
    void one.open(0);
    grant();
    const closed = one.close(0);
    expect([last().method, lifetimeOf(last())]).toEqual([Method.refresh, 0]);
    grant();
    await closed;
    one.advance(300_000);
    expect(last().method).toBe(Method.refresh);
  });

  it('says why it got nothing', async () => {
    const refusals: readonly [number, string][] = [
      [ErrorCode.allocationQuotaReached, '486 Allocation Quota Reached'],
      [ErrorCode.unauthenticated, '401 Unauthenticated'],
    ];
    for (const [code, reason] of refusals) {
      const { one, challenge } = session();
      const opened = one.open(0);
      challenge(ErrorCode.unauthenticated, 'n1');
      challenge(code as ErrorCode, 'n2');
      await opened;
      expect(one.failure).toBe(reason);
    }
  });
});
