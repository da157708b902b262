// As much of STUN as asking for one's own address takes (RFC 8489), written apart from the library that is tested here.
import { randomBytes } from 'node:crypto';

const magicCookie = Buffer.from([0x21, 0x12, 0xa4, 0x42]);

/** A Binding request. @param {Buffer[]} attributes */
export function bindingRequest(...attributes) {
  const body = Buffer.concat(attributes);
  const header = Buffer.from([0x00, 0x01, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([header, magicCookie, randomBytes(12), body]);
}

/** One attribute. @param {number} type @param {Buffer} value of a length that is a multiple of 4 */
export function attribute(type, value) {
  return Buffer.concat([Buffer.from([type >> 8, type & 0xff, value.length >> 8, value.length & 0xff]), value]);
}

/**
 * What a success response says, as `address:port` by attribute type; `undefined` when it is no answer to the request.
 *
 * @param {Buffer} answer @param {Buffer} request
 * @returns {Map<number, string> | undefined}
 */
export function readAnswer(answer, request) {
  if (answer.length < 20 || answer.readUInt16BE(0) !== 0x0101) return undefined;
  if (!answer.subarray(4, 20).equals(request.subarray(4, 20))) return undefined;
  const addresses = new Map();
  for (let at = 20; at + 4 <= answer.length; ) {
    const [type, length] = [answer.readUInt16BE(at), answer.readUInt16BE(at + 2)];
    const value = Buffer.from(answer.subarray(at + 4, at + 4 + length));
    if (type === 0x0020) for (let n = 2; n < value.length; n++) value[n] ^= answer[n < 4 ? n + 2 : n];
    if ([0x0001, 0x0020, 0x802b, 0x802c].includes(type)) addresses.set(type, addressOf(value));
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  return addresses;
}

/** @param {Buffer} value family, port and address */
function addressOf(value) {
  const port = value.readUInt16BE(2);
  if (value[1] === 1) return `${value.subarray(4, 8).join('.')}:${port}`;
  const groups = Array.from({ length: 8 }, (_, n) => value.readUInt16BE(4 + 2 * n).toString(16));
  return `[${groups.join(':')}]:${port}`;
}
