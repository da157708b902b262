import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress, sameAddress } from '../ip-address.ts';
import { ReadResult, StunMessage } from '../message.ts';
import { MessageWriter } from '../message-writer.ts';
import { AddressFamily, Attribute, MessageClass, Method } from '../protocol.ts';
import {
  addressLength,
  mutableTransportAddress,
  readAddress,
  readAddressInto,
  readXorAddress,
  readXorAddressInto,
  writeAddress,
  writeXorAddress,
} from './address.ts';
import {
  isAddressFamily,
  readAddressFamily,
  readChannelNumber,
  readConnectionId,
  readEvenPort,
  readLifetime,
  readRequestedTransport,
  readReservationToken,
  writeAddressFamily,
  writeChannelNumber,
  writeConnectionId,
  writeEvenPort,
  writeLifetime,
  writeRequestedTransport,
  writeReservationToken,
} from './allocation.ts';
import { readAddressErrorCode, readErrorCode, writeAddressErrorCode, writeErrorCode } from './error-code.ts';
import { readIcmp, writeIcmp } from './icmp.ts';
import {
  readChangeRequest,
  readResponsePort,
  writeChangeRequest,
  writePadding,
  writeResponsePort,
} from './nat-behavior.ts';
import {
  encodePasswordAlgorithms,
  readPasswordAlgorithm,
  readPasswordAlgorithms,
  writePasswordAlgorithm,
  writePasswordAlgorithms,
} from './password-algorithms.ts';
import { readText, readUserhash, userhash, writeText } from './text.ts';
import { readUnknownAttributes, writeUnknownAttributes } from './unknown-attributes.ts';

const uint8 = fc.integer({ min: 0, max: 0xff });
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const family = fc.constantFrom(AddressFamily.ipv4, AddressFamily.ipv6);
const transactionId = fc.uint8Array({ minLength: 12, maxLength: 12 });
const transportAddress = fc.record({
  ip: fc.oneof(
    word.map((w) => new IpAddress(AddressFamily.ipv4, w)),
    fc.tuple(word, word, word, word).map((words) => new IpAddress(AddressFamily.ipv6, ...words)),
  ),
  port: uint16,
});

/** Writes one attribute, and hands back the message in which it is the only one. */
function written(write: (writer: MessageWriter) => void, id: Uint8Array = Buffer.alloc(12, 0x5a)): StunMessage {
  const writer = new MessageWriter(32);
  // Old bytes in the buffer, so that whatever a writer leaves out shows.
  writer.buffer.fill(0xee);
  write(writer.begin(MessageClass.request, Method.binding, id));
  const bytes = writer.finish();
  const message = new StunMessage();
  expect(message.read(bytes, 0, bytes.length)).toBe(ReadResult.ok);
  expect(message.attributeCount).toBe(1);
  return message;
}

/** Checks that whatever `write` is given comes back from `read`, and that the attribute has the type that it should have. */
function roundTrip<T>(
  type: number,
  values: fc.Arbitrary<T>,
  write: (writer: MessageWriter, value: T) => void,
  read: (message: StunMessage, index: number) => unknown,
): void {
  fc.assert(
    fc.property(values, (value) => {
      const message = written((writer) => write(writer, value));
      expect(message.typeAt(0)).toBe(type);
      expect(read(message, 0)).toEqual(value);
    }),
  );
}

const bytesOf = (value: Buffer | undefined) => value && Uint8Array.from(value);

describe('what is written is read back', () => {
  it('LIFETIME', () => roundTrip(Attribute.lifetime, uint32, writeLifetime, readLifetime));
  it('CHANNEL-NUMBER', () => roundTrip(Attribute.channelNumber, uint16, writeChannelNumber, readChannelNumber));
  it('REQUESTED-TRANSPORT', () =>
    roundTrip(Attribute.requestedTransport, uint8, writeRequestedTransport, readRequestedTransport));
  it('EVEN-PORT', () => roundTrip(Attribute.evenPort, fc.boolean(), writeEvenPort, readEvenPort));
  it('RESERVATION-TOKEN', () =>
    roundTrip(
      Attribute.reservationToken,
      fc.uint8Array({ minLength: 8, maxLength: 8 }),
      writeReservationToken,
      (message, index) => bytesOf(readReservationToken(message, index)),
    ));
  it.each([Attribute.requestedAddressFamily, Attribute.additionalAddressFamily])('address family 0x%i', (type) =>
    roundTrip(type, family, (writer, value) => writeAddressFamily(writer, type, value), readAddressFamily),
  );
  it('CONNECTION-ID', () => roundTrip(Attribute.connectionId, uint32, writeConnectionId, readConnectionId));
  it('ICMP', () =>
    roundTrip(Attribute.icmp, fc.record({ type: uint8, code: uint8, data: uint32 }), writeIcmp, readIcmp));
  it('CHANGE-REQUEST', () =>
    roundTrip(
      Attribute.changeRequest,
      fc.record({ changeIp: fc.boolean(), changePort: fc.boolean() }),
      writeChangeRequest,
      readChangeRequest,
    ));
  it('RESPONSE-PORT', () => roundTrip(Attribute.responsePort, uint16, writeResponsePort, readResponsePort));
  it('PADDING', () =>
    roundTrip(Attribute.padding, fc.nat(1500), writePadding, (message, index) => message.lengthAt(index)));
  it('ERROR-CODE', () =>
    roundTrip(
      Attribute.errorCode,
      fc.record({ code: fc.integer({ min: 300, max: 699 }), reason: fc.string({ unit: 'grapheme', maxLength: 40 }) }),
      (writer, { code, reason }) => writeErrorCode(writer, code, reason),
      readErrorCode,
    ));
  it('ADDRESS-ERROR-CODE', () =>
    roundTrip(
      Attribute.addressErrorCode,
      fc.record({ family, code: fc.integer({ min: 300, max: 699 }), reason: fc.string({ maxLength: 40 }) }),
      (writer, { family, code, reason }) => writeAddressErrorCode(writer, family, code, reason),
      readAddressErrorCode,
    ));
  it('UNKNOWN-ATTRIBUTES', () =>
    roundTrip(Attribute.unknownAttributes, fc.array(uint16), writeUnknownAttributes, readUnknownAttributes));
  it('PASSWORD-ALGORITHMS', () =>
    roundTrip(Attribute.passwordAlgorithms, fc.array(uint16), writePasswordAlgorithms, readPasswordAlgorithms));
  it('PASSWORD-ALGORITHM', () =>
    roundTrip(Attribute.passwordAlgorithm, uint16, writePasswordAlgorithm, readPasswordAlgorithm));
  it.each([Attribute.username, Attribute.realm, Attribute.nonce, Attribute.software, Attribute.alternateDomain])(
    'text 0x%i',
    (type) =>
      roundTrip(
        type,
        fc.string({ unit: 'grapheme', maxLength: 30 }),
        (writer, value) => writeText(writer, type, value),
        readText,
      ),
  );
});

describe('addresses', () => {
  it('come back from plain attributes', () => {
    fc.assert(
      fc.property(transportAddress, (address) => {
        const message = written((writer) => writeAddress(writer, Attribute.mappedAddress, address));
        expect(message.lengthAt(0)).toBe(addressLength(address.ip.family));
        const read = readAddress(message, 0)!;
        expect(sameAddress(read.ip, address.ip) && read.port === address.port).toBe(true);
      }),
    );
  });

  it('come back from XORed attributes under every transaction id', () => {
    fc.assert(
      fc.property(transportAddress, transactionId, (address, id) => {
        const message = written((writer) => writeXorAddress(writer, Attribute.xorPeerAddress, address), id);
        const read = readXorAddress(message, 0)!;
        expect(sameAddress(read.ip, address.ip) && read.port === address.port).toBe(true);
      }),
    );
  });

  it('are hidden by the XOR: the plain reader sees another port', () => {
    const message = written((writer) =>
      writeXorAddress(writer, Attribute.xorMappedAddress, { ip: IpAddress.parse('192.0.2.1')!, port: 32853 }),
    );
    expect(readAddress(message, 0)?.port).toBe(32853 ^ 0x2112);
  });

  it('leave no IPv6 word in a refilled object that then holds IPv4', () => {
    const into = mutableTransportAddress();
    const six = { ip: IpAddress.parse('2001:db8::1')!, port: 1 };
    const four = { ip: IpAddress.parse('192.0.2.1')!, port: 2 };
    expect(
      readXorAddressInto(
        written((w) => writeXorAddress(w, Attribute.xorPeerAddress, six)),
        0,
        into,
      ),
    ).toBe(true);
    expect(
      readXorAddressInto(
        written((w) => writeXorAddress(w, Attribute.xorPeerAddress, four)),
        0,
        into,
      ),
    ).toBe(true);
    expect(sameAddress(into.ip, four.ip)).toBe(true);
    expect(into.port).toBe(2);
  });

  it.each([
    ['of no family', Buffer.from('0000000001020304', 'hex')],
    ['of a family that does not exist', Buffer.from('0003000001020304', 'hex')],
    ['of IPv4 with the length of IPv6', Buffer.concat([Buffer.from('00010000', 'hex'), Buffer.alloc(16)])],
    ['of IPv6 with the length of IPv4', Buffer.from('0002000001020304', 'hex')],
    ['cut short', Buffer.from('00010000010203', 'hex')],
    ['empty', Buffer.alloc(0)],
  ])('%s are refused', (_what, value) => {
    const message = written((writer) => writer.attribute(Attribute.xorPeerAddress, value));
    expect(readXorAddress(message, 0)).toBeUndefined();
    expect(readAddress(message, 0)).toBeUndefined();
  });
});

describe('any bytes', () => {
  const into = mutableTransportAddress();
  const readers: Record<string, (message: StunMessage, index: number) => unknown> = {
    readAddress,
    readXorAddress,
    readAddressInto: (message, index) => readAddressInto(message, index, into),
    readXorAddressInto: (message, index) => readXorAddressInto(message, index, into),
    readLifetime,
    readChannelNumber,
    readRequestedTransport,
    readEvenPort,
    readReservationToken,
    readAddressFamily,
    readConnectionId,
    readErrorCode,
    readAddressErrorCode,
    readIcmp,
    readChangeRequest,
    readResponsePort,
    readPasswordAlgorithms,
    readPasswordAlgorithm,
    readText,
    readUserhash,
    readUnknownAttributes,
  };
  const value = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    // Lengths at which most readers start to look at the content.
    fc.constantFrom(1, 4, 8, 20, 32).chain((length) => fc.uint8Array({ minLength: length, maxLength: length })),
    fc.uint8Array({ minLength: 500, maxLength: 800 }),
  );

  it.each(Object.entries(readers))('as a value never make %s throw', (_name, reader) => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(Attribute)), value, (type, bytes) => {
        reader(
          written((writer) => writer.attribute(type, bytes)),
          0,
        );
      }),
      { numRuns: 300 },
    );
  });
});

describe('what is malformed is refused', () => {
  const holding = (type: number, hexValue: string) =>
    written((writer) => writer.attribute(type, Buffer.from(hexValue, 'hex')));

  it.each([
    ['LIFETIME of 3 bytes', readLifetime, Attribute.lifetime, '000258'],
    ['LIFETIME of 8 bytes', readLifetime, Attribute.lifetime, '0000000000000258'],
    ['CHANNEL-NUMBER of 2 bytes', readChannelNumber, Attribute.channelNumber, '4000'],
    ['REQUESTED-TRANSPORT of 1 byte', readRequestedTransport, Attribute.requestedTransport, '11'],
    ['EVEN-PORT of 4 bytes', readEvenPort, Attribute.evenPort, '80000000'],
    ['RESERVATION-TOKEN of 4 bytes', readReservationToken, Attribute.reservationToken, '01020304'],
    ['ERROR-CODE of 3 bytes', readErrorCode, Attribute.errorCode, '000004'],
    ['ERROR-CODE of class 2', readErrorCode, Attribute.errorCode, '00000200'],
    ['ERROR-CODE of number 100', readErrorCode, Attribute.errorCode, '00000464'],
    ['UNKNOWN-ATTRIBUTES of 3 bytes', readUnknownAttributes, Attribute.unknownAttributes, '000102'],
    ['USERHASH of 31 bytes', readUserhash, Attribute.userhash, '00'.repeat(31)],
    [
      'PASSWORD-ALGORITHM with a parameter length that lies',
      readPasswordAlgorithm,
      Attribute.passwordAlgorithm,
      '00020004',
    ],
    ['PASSWORD-ALGORITHMS cut in the middle', readPasswordAlgorithms, Attribute.passwordAlgorithms, '000200000001'],
    ['PASSWORD-ALGORITHMS whose parameters run over', readPasswordAlgorithms, Attribute.passwordAlgorithms, '00020008'],
    ['USERNAME of 510 bytes', readText, Attribute.username, '61'.repeat(510)],
    ['REALM of 764 bytes', readText, Attribute.realm, '61'.repeat(764)],
  ])('%s', (_what, read, type, value) => {
    expect(read(holding(type, value), 0)).toBeUndefined();
  });

  it('but parameters of an unknown password algorithm are skipped', () => {
    const message = holding(Attribute.passwordAlgorithms, '00990003010203000002000000010000');
    expect(readPasswordAlgorithms(message, 0)).toEqual([0x99, 2, 1]);
  });

  it('and only two address families exist', () => {
    expect([0, 1, 2, 3, 255].filter(isAddressFamily)).toEqual([1, 2]);
  });
});

it('encodes PASSWORD-ALGORITHMS as a server sends and a client returns it', () => {
  expect(encodePasswordAlgorithms([2, 1]).toString('hex')).toBe('0002000000010000');
});

it('hashes a username with its realm', () => {
  expect(userhash('a', 'b').length).toBe(32);
  expect(userhash('a', 'b').equals(userhash('a:b', ''))).toBe(false);
});
