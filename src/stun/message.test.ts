import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeText } from './attributes/text.ts';
import { fingerprintHolds, writeFingerprint } from './fingerprint.ts';
import { findIntegrity, verifyIntegrity, writeIntegrity } from './integrity.ts';
import { ReadResult, StunMessage } from './message.ts';
import { MessageWriter, messageType } from './message-writer.ts';
import { Attribute, HEADER_LENGTH, MAGIC_COOKIE, MessageClass, Method } from './protocol.ts';

const id = Buffer.from('0102030405060708090a0b0c', 'hex');
const key = Buffer.from('a key');

function read(bytes: Buffer): StunMessage {
  const message = new StunMessage();
  expect(message.read(bytes, 0, bytes.length)).toBe(ReadResult.ok);
  return message;
}

function begin(method: number = Method.binding): MessageWriter {
  return new MessageWriter().begin(MessageClass.request, method, id);
}

const transactionId = fc.uint8Array({ minLength: 12, maxLength: 12 });
const attribute = fc.record({ type: fc.integer({ min: 0, max: 0xffff }), value: fc.uint8Array({ maxLength: 40 }) });
/** None of the attributes that end what counts in a message. */
const plainAttribute = attribute.filter(
  ({ type }) => type !== Attribute.messageIntegrity && type !== Attribute.messageIntegritySha256,
);
const anyClass = fc.constantFrom(...Object.values(MessageClass));

/** Bytes that pass for a STUN header, so that the reader gets to the attributes, with anything behind. */
const stunLike = fc
  .record({
    type: fc.integer({ min: 0, max: 0x3fff }),
    id: transactionId,
    words: fc.array(attribute, { maxLength: 20 }),
    cut: fc.nat(8),
  })
  .map(({ type, id, words, cut }) => {
    const body = Buffer.concat(
      words.map(({ type, value }) => {
        const header = Buffer.alloc(4);
        header.writeUInt16BE(type, 0);
        // The length field sometimes lies.
        header.writeUInt16BE(value.length + (type % 7 === 0 ? type % 11 : 0), 2);
        return Buffer.concat([header, value, Buffer.alloc(-value.length & 3, 0x55)]);
      }),
    );
    const whole = body.subarray(0, Math.max(0, body.length - cut * 4));
    const header = Buffer.alloc(HEADER_LENGTH);
    header.writeUInt16BE(type, 0);
    header.writeUInt16BE(whole.length, 2);
    header.writeUInt32BE(MAGIC_COOKIE, 4);
    header.set(id, 8);
    return Buffer.concat([header, whole]);
  });

describe('reading any bytes', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
    stunLike,
  );

  it('never throws, and indexes only what lies within the message', () => {
    const message = new StunMessage();
    fc.assert(
      fc.property(bytes, fc.boolean(), (buffer, allowMissingCookie) => {
        if (message.read(buffer, 0, buffer.length, allowMissingCookie) !== ReadResult.ok) return;
        expect(message.transactionId.length).toBe(12);
        for (let i = 0; i < message.attributeCount; i++) {
          expect(message.offsetAt(i)).toBeGreaterThanOrEqual(HEADER_LENGTH + 4);
          expect(message.offsetAt(i) + message.lengthAt(i)).toBeLessThanOrEqual(message.end);
          expect(message.valueAt(i).length).toBe(message.lengthAt(i));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('never throws while integrity and fingerprint are looked at', () => {
    const message = new StunMessage();
    fc.assert(
      fc.property(bytes, (buffer) => {
        if (message.read(buffer, 0, buffer.length) !== ReadResult.ok) return;
        fingerprintHolds(message);
        for (const algorithm of ['sha1', 'sha256'] as const) {
          const index = findIntegrity(message, algorithm);
          if (index >= 0) verifyIntegrity(message, index, algorithm, key);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('survives integrity attributes of every length', () => {
    for (const type of [Attribute.messageIntegrity, Attribute.messageIntegritySha256]) {
      for (let length = 0; length <= 40; length++) {
        const message = read(begin().attribute(type, Buffer.alloc(length, 7)).finish());
        const algorithm = type === Attribute.messageIntegrity ? 'sha1' : 'sha256';
        const index = findIntegrity(message, algorithm);
        expect(index >= 0).toBe(
          algorithm === 'sha1' ? length === 20 : length >= 16 && length <= 32 && length % 4 === 0,
        );
        if (index >= 0) expect(verifyIntegrity(message, index, algorithm, key)).toBe(false);
      }
    }
  });

  it.each([
    ['a header cut short', Buffer.alloc(19), ReadResult.badLength],
    ['nothing', Buffer.alloc(0), ReadResult.badLength],
    ['first bits that are not zero', Buffer.alloc(20, 0x40), ReadResult.notStun],
    ['no magic cookie', Buffer.alloc(20), ReadResult.noCookie],
    [
      'a length that is no multiple of 4',
      Buffer.from(`000100022112a442${'00'.repeat(14)}`, 'hex'),
      ReadResult.badLength,
    ],
    ['a length beyond the datagram', Buffer.from(`000100042112a442${'00'.repeat(12)}`, 'hex'), ReadResult.badLength],
    ['bytes behind the message', Buffer.from(`000100002112a442${'00'.repeat(16)}`, 'hex'), ReadResult.badLength],
    [
      'an attribute over the end',
      Buffer.from(`000100042112a442${'00'.repeat(12)}00060001`, 'hex'),
      ReadResult.badAttribute,
    ],
  ])('refuses %s', (_what, bytes, result) => {
    expect(new StunMessage().read(bytes, 0, bytes.length)).toBe(result);
  });

  it('refuses more attributes than an honest message has', () => {
    const writer = begin();
    for (let i = 0; i < 200; i++) writer.flag(Attribute.dontFragment);
    expect(new StunMessage().read(writer.bytes, 0, writer.bytes.length)).toBe(ReadResult.tooManyAttributes);
  });

  it('takes an RFC 3489 message without cookie only when asked to', () => {
    const bytes = Buffer.from(`00010000${'ab'.repeat(16)}`, 'hex');
    const message = new StunMessage();
    expect(message.read(bytes, 0, bytes.length)).toBe(ReadResult.noCookie);
    expect(message.read(bytes, 0, bytes.length, true)).toBe(ReadResult.ok);
  });
});

describe('writing', () => {
  it('is read back as it was: class, method, transaction id, attributes in order', () => {
    fc.assert(
      fc.property(
        anyClass,
        fc.integer({ min: 0, max: 0xfff }),
        transactionId,
        fc.array(plainAttribute, { maxLength: 30 }),
        (messageClass, method, id, attributes) => {
          const writer = new MessageWriter(32).begin(messageClass, method, id);
          for (const { type, value } of attributes) writer.attribute(type, value);
          const message = read(writer.finish());
          expect(message.messageClass).toBe(messageClass);
          expect(message.method).toBe(method);
          expect(message.transactionId.equals(id)).toBe(true);
          expect(message.attributeCount).toBe(attributes.length);
          for (const [i, { type, value }] of attributes.entries()) {
            expect(message.typeAt(i)).toBe(type);
            expect(message.valueAt(i).equals(value)).toBe(true);
          }
        },
      ),
    );
  });

  it('interleaves class and method as RFC 8489 §5 draws them', () => {
    expect(messageType(MessageClass.request, Method.binding)).toBe(0x0001);
    expect(messageType(MessageClass.success, Method.binding)).toBe(0x0101);
    expect(messageType(MessageClass.error, Method.allocate)).toBe(0x0113);
    expect(messageType(MessageClass.indication, Method.send)).toBe(0x0016);
    expect(messageType(MessageClass.error, 0xfff)).toBe(0x3fff);
  });

  it('pads with zero', () => {
    for (let length = 0; length < 8; length++) {
      const bytes = begin().attribute(Attribute.data, Buffer.alloc(length, 0xff)).finish();
      expect(bytes.length % 4).toBe(0);
      expect(bytes.subarray(HEADER_LENGTH + 4 + length).every((byte) => byte === 0)).toBe(true);
    }
  });

  it('lets nothing of one message leak into the next', () => {
    const message = fc.record({
      id: transactionId,
      attributes: fc.array(attribute, { maxLength: 8 }),
      room: fc.nat(40),
    });
    const write = (
      writer: MessageWriter,
      { id, attributes, room }: { id: Uint8Array; attributes: { type: number; value: Uint8Array }[]; room: number },
    ) => {
      writer.begin(MessageClass.request, Method.send, id);
      for (const { type, value } of attributes) writer.attribute(type, value);
      // Room that is reserved and not filled must hold nothing old either.
      writer.reserve(Attribute.padding, room);
      return writer.finish();
    };
    fc.assert(
      fc.property(message, message, (first, second) => {
        const used = new MessageWriter(64);
        used.buffer.fill(0xee);
        write(used, first);
        expect(write(used, second)).toEqual(write(new MessageWriter(), second));
      }),
    );
  });

  it('refuses to grow beyond what the length field can say', () => {
    expect(() => begin().reserve(Attribute.padding, 0xffff)).toThrow(RangeError);
  });

  it('keeps a finished message when the writer goes on', () => {
    const writer = begin();
    writeText(writer, Attribute.software, 'first');
    const finished = writer.finish();
    const before = Buffer.from(finished);
    writer.begin(MessageClass.error, Method.refresh, Buffer.alloc(12, 0xaa));
    writeText(writer, Attribute.software, 'second');
    expect(finished).toEqual(before);
  });

  it('answers an RFC 3489 client with its 16-byte transaction id', () => {
    const id = Buffer.alloc(16, 0xcd);
    const bytes = new MessageWriter().begin(MessageClass.success, Method.binding, id).finish();
    expect(bytes.subarray(4, 20)).toEqual(id);
  });
});

describe('integrity', () => {
  it.each(['sha1', 'sha256'] as const)('%s verifies with its key and with no other', (algorithm) => {
    fc.assert(
      fc.property(fc.array(plainAttribute, { maxLength: 6 }), fc.uint8Array({ minLength: 1 }), (attributes, key) => {
        const writer = begin();
        for (const { type, value } of attributes) writer.attribute(type, value);
        writeIntegrity(writer, algorithm, key);
        const message = read(writer.finish());
        const index = findIntegrity(message, algorithm);
        expect(verifyIntegrity(message, index, algorithm, key)).toBe(true);
        expect(verifyIntegrity(message, index, algorithm, Buffer.concat([key, Buffer.from([1])]))).toBe(false);
      }),
    );
  });

  it.each([16, 20, 24, 28, 32])('verifies a -SHA256 truncated to %i bytes', (length) => {
    const writer = begin();
    writeText(writer, Attribute.username, 'somebody');
    writeIntegrity(writer, 'sha256', key, length);
    writeFingerprint(writer);
    const message = read(writer.finish());
    const index = findIntegrity(message, 'sha256');
    expect(message.lengthAt(index)).toBe(length);
    expect(verifyIntegrity(message, index, 'sha256', key)).toBe(true);
    expect(verifyIntegrity(message, index, 'sha256', Buffer.from('another key'))).toBe(false);
  });

  it('holds for both algorithms in one message', () => {
    const writer = begin();
    writeIntegrity(writer, 'sha1', key);
    writeIntegrity(writer, 'sha256', key);
    writeFingerprint(writer);
    const message = read(writer.finish());
    expect(verifyIntegrity(message, findIntegrity(message, 'sha1'), 'sha1', key)).toBe(true);
    expect(verifyIntegrity(message, findIntegrity(message, 'sha256'), 'sha256', key)).toBe(true);
    expect(fingerprintHolds(message)).toBe(true);
  });

  it.each(['sha1', 'sha256'] as const)('%s hides every attribute that somebody put behind it', (algorithm) => {
    const writer = begin(Method.refresh);
    writeText(writer, Attribute.username, 'somebody');
    writeIntegrity(writer, algorithm, key);
    writer.attribute(Attribute.lifetime, Buffer.alloc(4));
    writeText(writer, Attribute.username, 'somebody else');
    writeFingerprint(writer);
    const message = read(writer.finish());
    expect(message.has(Attribute.lifetime)).toBe(false);
    expect(message.attributeCount).toBe(3);
    expect(verifyIntegrity(message, findIntegrity(message, algorithm), algorithm, key)).toBe(true);
    expect(fingerprintHolds(message)).toBe(true);
  });

  it('does not count MESSAGE-INTEGRITY behind MESSAGE-INTEGRITY-SHA256', () => {
    const writer = begin();
    writeIntegrity(writer, 'sha256', key);
    writeIntegrity(writer, 'sha1', key);
    expect(findIntegrity(read(writer.finish()), 'sha1')).toBe(-1);
  });
});

describe('fingerprint', () => {
  it('holds as the last attribute and breaks when a byte before it changes', () => {
    fc.assert(
      fc.property(fc.array(plainAttribute, { maxLength: 6 }), fc.nat(), (attributes, at) => {
        const writer = begin();
        for (const { type, value } of attributes.filter(({ type }) => type !== Attribute.fingerprint)) {
          writer.attribute(type, value);
        }
        writeFingerprint(writer);
        const bytes = writer.finish();
        expect(fingerprintHolds(read(bytes))).toBe(true);
        bytes[8 + (at % 12)]! ^= 0x10;
        expect(fingerprintHolds(read(bytes))).toBe(false);
      }),
    );
  });

  it('must be last', () => {
    const writer = begin();
    writeFingerprint(writer);
    writeText(writer, Attribute.software, 'behind');
    expect(fingerprintHolds(read(writer.finish()))).toBe(false);
  });

  it('must be last even when a second one follows', () => {
    const writer = begin();
    writeFingerprint(writer);
    writeFingerprint(writer);
    expect(fingerprintHolds(read(writer.finish()))).toBe(false);
  });

  it('may be missing', () => {
    expect(fingerprintHolds(read(begin().finish()))).toBe(true);
  });
});

it('counts only the first of repeated attributes, and finds the next on request', () => {
  const writer = begin();
  writeText(writer, Attribute.realm, 'first');
  writeText(writer, Attribute.realm, 'second');
  const message = read(writer.finish());
  expect(message.find(Attribute.realm)).toBe(0);
  expect(message.find(Attribute.realm, 1)).toBe(1);
  expect(message.find(Attribute.realm, 2)).toBe(-1);
});
