/** Datagrams that are STUN and ChannelData, nearly so, or not at all. The same random numbers give the same datagrams. */
import { writeXorAddress } from '../../src/stun/attributes/address.ts';
import { writeFingerprint } from '../../src/stun/fingerprint.ts';
import { IpAddress } from '../../src/stun/ip-address.ts';
import { MessageWriter } from '../../src/stun/message-writer.ts';
import { Attribute, MessageClass, Method } from '../../src/stun/protocol.ts';
import type { SeededRandom } from '../virtual-network/seeded-random.ts';

/** The most payload that a UDP datagram over IPv4 can have. */
const LARGEST_DATAGRAM = 65_507;

const classes = Object.values(MessageClass);
const methods = Object.values(Method);
const attributes = Object.values(Attribute);
const peers = ['127.0.0.1', '127.0.0.2', '10.0.0.1', '::1', '2001:db8::1', '::ffff:127.0.0.1'].map(
  (text) => IpAddress.parse(text)!,
);

/** Adds what makes a server believe a message. */
export type Sign = (writer: MessageWriter) => void;

const writer = new MessageWriter();

/** Any datagram. With `sign`, most are requests that were signed, and some of those were changed afterwards. */
export function anyDatagram(random: SeededRandom, sign?: Sign): Buffer {
  if (sign && random.chance(0.7)) {
    const signed = message(random, sign);
    return random.chance(0.3) ? mutated(random, signed) : signed;
  }
  const kind = random.next();
  if (kind < 0.15) return random.bytes(random.below(200));
  if (kind < 0.16) return oversized(random);
  if (kind < 0.17) return crowded(random);
  if (kind < 0.27) return channelData(random);
  const plain = message(random);
  return kind < 0.5 ? plain : mutated(random, plain);
}

/** A well-formed message with attributes that need not make sense together. */
function message(random: SeededRandom, sign?: Sign): Buffer {
  const messageClass = sign || random.chance(0.5) ? MessageClass.request : random.pick(classes);
  const method = random.chance(0.95) ? random.pick(methods) : random.below(0x1000);
  writer.begin(messageClass, method, random.bytes(12));
  for (let count = random.below(6); count > 0; count--) addAttribute(random);
  sign?.(writer);
  if (random.chance(0.2)) writeFingerprint(writer);
  return writer.finish();
}

function addAttribute(random: SeededRandom): void {
  const type = random.chance(0.95) ? random.pick(attributes) : random.below(0x10000);
  if (random.chance(0.2)) {
    writer.attribute(type, random.bytes(random.below(40)));
    return;
  }
  switch (type) {
    case Attribute.xorPeerAddress:
    case Attribute.xorRelayedAddress:
    case Attribute.xorMappedAddress:
      writeXorAddress(writer, type, { ip: random.pick(peers), port: random.below(0x10000) });
      return;
    case Attribute.requestedTransport:
      writer.attribute(type, Buffer.from([random.pick([17, 17, 17, 6, 0]), 0, 0, 0]));
      return;
    case Attribute.requestedAddressFamily:
    case Attribute.additionalAddressFamily:
      writer.attribute(type, Buffer.from([random.below(4), 0, 0, 0]));
      return;
    case Attribute.channelNumber:
      writer.attribute(type, Buffer.from([random.between(0x3f, 0x51), random.below(8), 0, 0]));
      return;
    case Attribute.lifetime:
      // Never 0: the allocation is to last as long as the run.
      writer.attribute(type, Buffer.from([0, 0, random.below(256), random.between(60, 255)]));
      return;
    case Attribute.evenPort:
      writer.attribute(type, Buffer.from([random.pick([0, 0x80, 0xff])]));
      return;
    case Attribute.data:
      writer.attribute(type, random.bytes(random.below(300)));
      return;
    default:
      writer.attribute(type, random.bytes(random.pick([0, 1, 4, 4, 8, 20, 32])));
  }
}

/** More attributes than any honest message has. */
function crowded(random: SeededRandom): Buffer {
  writer.begin(MessageClass.request, Method.binding, random.bytes(12));
  for (let i = 0; i < 300; i++) writer.flag(Attribute.software);
  return writer.finish();
}

function oversized(random: SeededRandom): Buffer {
  const bytes = Buffer.alloc(random.between(2000, LARGEST_DATAGRAM), random.below(256));
  message(random).copy(bytes);
  // Half of them say so in their length field.
  if (random.chance(0.5)) bytes.writeUInt16BE((bytes.length - 20) & 0xfffc, 2);
  return bytes;
}

function channelData(random: SeededRandom): Buffer {
  const bytes = random.bytes(4 + random.below(200));
  bytes.writeUInt16BE(random.chance(0.5) ? random.between(0x4000, 0x4003) : random.between(0x4000, 0x7fff), 0);
  if (random.chance(0.5)) bytes.writeUInt16BE(bytes.length - 4, 2);
  return bytes;
}

const changes: readonly ((random: SeededRandom, bytes: Buffer) => Buffer)[] = [
  (random, bytes) => {
    const at = random.below(bytes.length);
    bytes[at] = bytes[at]! ^ (1 << random.below(8));
    return bytes;
  },
  (random, bytes) => {
    bytes[random.below(bytes.length)] = random.pick([0x00, 0xff, 0x7f, 0x80, random.below(256)]);
    return bytes;
  },
  (random, bytes) => bytes.subarray(0, random.below(bytes.length)),
  (random, bytes) => Buffer.concat([bytes, random.bytes(random.below(40))]),
  (random, bytes) => {
    if (bytes.length >= 4) bytes.writeUInt16BE(random.pick([0, 1, 4, 0xfffc, 0xffff, random.below(0x10000)]), 2);
    return bytes;
  },
  (random, bytes) => {
    const from = random.below(bytes.length);
    const part = bytes.subarray(from, from + random.below(40));
    const at = random.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
  },
];

function mutated(random: SeededRandom, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let count = random.between(1, 4); count > 0 && result.length > 0; count--) {
    result = Buffer.from(random.pick(changes)(random, result));
  }
  return result;
}
