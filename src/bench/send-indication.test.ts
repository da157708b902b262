import { expect, it } from 'vitest';
import { readXorAddress } from '../stun/attributes/address.ts';
import { formatTransportAddress, IpAddress } from '../stun/ip-address.ts';
import { ReadResult, StunMessage } from '../stun/message.ts';
import { Attribute, MessageClass, Method } from '../stun/protocol.ts';
import { sendIndicationHeader } from './send-indication.ts';

it.each([
  ['192.0.2.7', 160],
  ['2001:db8::7', 21],
])('the header of a Send indication to %s with %i bytes makes a whole message', (host, size) => {
  const peer = { ip: IpAddress.parse(host)!, port: 4711 };
  const bytes = Buffer.concat([sendIndicationHeader(peer, size), Buffer.alloc((size + 3) & ~3)]);
  const message = new StunMessage();
  expect(message.read(bytes, 0, bytes.length)).toBe(ReadResult.ok);
  expect([message.messageClass, message.method]).toEqual([MessageClass.indication, Method.send]);
  const address = readXorAddress(message, message.find(Attribute.xorPeerAddress));
  expect(formatTransportAddress(address!)).toBe(formatTransportAddress(peer));
  expect(message.lengthAt(message.find(Attribute.data))).toBe(size);
});
