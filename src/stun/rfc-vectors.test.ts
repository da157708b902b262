import { describe, expect, it } from 'vitest';
import {
  longTermRequest,
  sampleIpv4Response,
  sampleIpv6Response,
  sampleRequest,
  shortTermPassword,
} from '../../test/vectors/rfc5769.ts';
import { longTermKeyExample, longTermSha256Request } from '../../test/vectors/rfc8489.ts';
import { readXorAddress } from './attributes/address.ts';
import { readPasswordAlgorithm } from './attributes/password-algorithms.ts';
import { readText, readUserhash, userhash } from './attributes/text.ts';
import { fingerprintHolds } from './fingerprint.ts';
import { findIntegrity, verifyIntegrity, writeIntegrity } from './integrity.ts';
import { formatTransportAddress } from './ip-address.ts';
import { longTermKey, PasswordAlgorithm } from './long-term-key.ts';
import { ReadResult, StunMessage } from './message.ts';
import { MessageWriter } from './message-writer.ts';
import { nonceFeatures } from './nonce-cookie.ts';
import { Attribute, MessageClass, Method } from './protocol.ts';

const shortTermKey = Buffer.from(shortTermPassword);

function read(bytes: Buffer): StunMessage {
  const message = new StunMessage();
  expect(message.read(bytes, 0, bytes.length)).toBe(ReadResult.ok);
  return message;
}

function text(message: StunMessage, type: number): string | undefined {
  return readText(message, message.find(type));
}

describe.each([sampleRequest, sampleIpv4Response, sampleIpv6Response])('$name', ({ bytes }) => {
  it('has the integrity of its password and a right fingerprint', () => {
    const message = read(bytes);
    expect(verifyIntegrity(message, findIntegrity(message, 'sha1'), 'sha1', shortTermKey)).toBe(true);
    expect(fingerprintHolds(message)).toBe(true);
  });

  it('fails both checks when any one byte that they cover changes', () => {
    // The length field is what the reader checks first, so it is left alone here.
    const integrityAt = bytes.length - 32;
    for (let i = 8; i < integrityAt; i++) {
      const changed = Buffer.from(bytes);
      changed[i]! ^= 0x01;
      const message = new StunMessage();
      if (message.read(changed, 0, changed.length) !== ReadResult.ok) continue;
      expect(fingerprintHolds(message)).toBe(false);
      const index = findIntegrity(message, 'sha1');
      expect(index >= 0 && verifyIntegrity(message, index, 'sha1', shortTermKey)).toBe(false);
    }
  });

  it('reads the same at an offset within a larger buffer', () => {
    const padded = Buffer.concat([Buffer.alloc(7, 0xff), bytes, Buffer.alloc(5, 0xff)]);
    const message = new StunMessage();
    expect(message.read(padded, 7, 7 + bytes.length)).toBe(ReadResult.ok);
    expect(verifyIntegrity(message, findIntegrity(message, 'sha1'), 'sha1', shortTermKey)).toBe(true);
    expect(fingerprintHolds(message)).toBe(true);
  });
});

it('reads the RFC 5769 sample request', () => {
  const message = read(sampleRequest.bytes);
  expect(message.messageClass).toBe(MessageClass.request);
  expect(message.method).toBe(Method.binding);
  expect(text(message, Attribute.software)).toBe('STUN test client');
  expect(text(message, Attribute.username)).toBe('evtj:h6vY');
  expect(message.transactionId.toString('hex')).toBe('b7e7a701bc34d686fa87dfae');
});

it.each([
  [sampleIpv4Response, '192.0.2.1:32853'],
  [sampleIpv6Response, '[2001:db8:1234:5678:11:2233:4455:6677]:32853'],
])('reads the mapped address of $name', (vector, expected) => {
  const message = read(vector.bytes);
  expect(message.messageClass).toBe(MessageClass.success);
  expect(text(message, Attribute.software)).toBe('test vector');
  const mapped = readXorAddress(message, message.find(Attribute.xorMappedAddress));
  expect(mapped && formatTransportAddress(mapped)).toBe(expected);
});

it('verifies the RFC 5769 long-term request', () => {
  const { bytes, username, realm, password, nonce } = longTermRequest;
  const message = read(bytes);
  expect(text(message, Attribute.username)).toBe(username);
  expect(text(message, Attribute.realm)).toBe(realm);
  expect(text(message, Attribute.nonce)).toBe(nonce);
  expect(nonceFeatures(nonce)).toBeUndefined();
  const key = longTermKey(PasswordAlgorithm.md5, username, realm, password);
  expect(verifyIntegrity(message, findIntegrity(message, 'sha1'), 'sha1', key)).toBe(true);
});

describe(longTermSha256Request.name, () => {
  const { bytes, username, realm, password, nonce } = longTermSha256Request;
  const key = longTermKey(PasswordAlgorithm.sha256, username, realm, password);

  it('verifies', () => {
    const message = read(bytes);
    expect(readUserhash(message, message.find(Attribute.userhash))).toEqual(userhash(username, realm));
    expect(text(message, Attribute.nonce)).toBe(nonce);
    expect(text(message, Attribute.realm)).toBe(realm);
    expect(readPasswordAlgorithm(message, message.find(Attribute.passwordAlgorithm))).toBe(PasswordAlgorithm.sha256);
    expect(verifyIntegrity(message, findIntegrity(message, 'sha256'), 'sha256', key)).toBe(true);
    expect(findIntegrity(message, 'sha1')).toBe(-1);
  });

  it('is what our writer makes of the same attributes', () => {
    const received = read(bytes);
    const writer = new MessageWriter().begin(MessageClass.request, Method.binding, received.transactionId);
    for (let i = 0; i < received.attributeCount - 1; i++) writer.attribute(received.typeAt(i), received.valueAt(i));
    writeIntegrity(writer, 'sha256', key);
    expect(writer.finish()).toEqual(bytes);
  });
});

it('makes the published MD5 key of user:realm:pass', () => {
  const { username, realm, password, md5 } = longTermKeyExample;
  expect(longTermKey(PasswordAlgorithm.md5, username, realm, password)).toEqual(md5);
});
