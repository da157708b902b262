import { describe, expect, it } from 'vitest';
import { Scenario } from '../../test/virtual-network/scenario.ts';
import { address } from '../../test/virtual-network/virtual-network.ts';
import { readAddress, readXorAddress } from '../stun/attributes/address.ts';
import { readErrorCode } from '../stun/attributes/error-code.ts';
import { writeChangeRequest, writePadding, writeResponsePort } from '../stun/attributes/nat-behavior.ts';
import { formatTransportAddress, type TransportAddress } from '../stun/ip-address.ts';
import { StunMessage } from '../stun/message.ts';
import { MessageWriter } from '../stun/message-writer.ts';
import { Attribute, MessageClass, Method } from '../stun/protocol.ts';
import type { Listener } from './five-tuple.ts';
import { NatDiscovery } from './nat-discovery.ts';
import { Arrival, HEADROOM } from './packet.ts';
import { instant, unixSeconds } from './time.ts';

const ports = [3478, 3479] as const;
const ipv4 = ['30.0.0.1', '30.0.0.2'] as const;
const ipv6 = ['2a01:1::1', '2a01:1::2'] as const;
const listeners: Listener[] = [...ipv4, ...ipv6.map((ip) => `[${ip}]`)]
  .flatMap((ip) => ports.map((port) => address(`${ip}:${port}`)))
  .map((local, i) => ({ id: 100 + i, transport: 'udp', local }));
const at = (text: string) => listeners.find(({ local }) => formatTransportAddress(local) === text)!;
const client = address('40.0.0.1:5000');

function discoveryServer(options: ConstructorParameters<typeof Scenario>[0] = {}) {
  const { server } = new Scenario(options);
  const families = [ipv4, ipv6].map(([a, b]) => ({
    addresses: [
      address(a.includes(':') ? `[${a}]:1` : `${a}:1`).ip,
      address(b.includes(':') ? `[${b}]:1` : `${b}:1`).ip,
    ] as const,
    ports,
  }));
  server.setNatDiscovery(new NatDiscovery(families, listeners));
  return server;
}

interface Answer {
  readonly from: string;
  readonly to: string;
  readonly message: StunMessage;
  readonly code: number | undefined;
  address(type: number): string | undefined;
}

/** Hands one Binding request to the server and reads its answer. */
function ask(
  server: ReturnType<typeof discoveryServer>,
  listener: Listener,
  write: (writer: MessageWriter) => void = () => {},
  { source = client, classic = false }: { source?: TransportAddress; classic?: boolean } = {},
): Answer | undefined {
  const writer = new MessageWriter(4000).begin(
    MessageClass.request,
    Method.binding,
    Buffer.alloc(classic ? 16 : 12, 0xaa),
  );
  write(writer);
  const request = writer.finish();
  const arrival = new Arrival();
  arrival.buffer = Buffer.alloc(HEADROOM + request.length + 3);
  request.copy(arrival.buffer, HEADROOM);
  arrival.start = HEADROOM;
  arrival.end = HEADROOM + request.length;
  arrival.source.ip.copy(source.ip);
  arrival.source.port = source.port;
  server.receiveFromClient(listener, arrival, { instant: instant(0), unix: unixSeconds(1_800_000_000) });
  const sent = server.takeOutputs().find((output) => output.kind === 'transmit');
  if (sent?.kind !== 'transmit') return undefined;
  const message = new StunMessage();
  expect(message.read(sent.bytes, 0, sent.bytes.length, classic)).toBe(0);
  const errorIndex = message.find(Attribute.errorCode);
  return {
    from: formatTransportAddress(sent.listener.local),
    to: formatTransportAddress(sent.client),
    message,
    code: errorIndex < 0 ? undefined : readErrorCode(message, errorIndex)?.code,
    address(type) {
      const index = message.find(type);
      if (index < 0) return undefined;
      const value = type === Attribute.xorMappedAddress ? readXorAddress(message, index) : readAddress(message, index);
      return value && formatTransportAddress(value);
    },
  };
}

describe('NAT behaviour discovery (RFC 5780)', () => {
  it('tells where the answer comes from and where else one can ask, over IPv4 and IPv6', () => {
    const server = discoveryServer();
    const answer = ask(server, at('30.0.0.1:3478'))!;
    expect(answer.from).toBe('30.0.0.1:3478');
    expect(answer.address(Attribute.responseOrigin)).toBe('30.0.0.1:3478');
    expect(answer.address(Attribute.otherAddress)).toBe('30.0.0.2:3479');
    expect(answer.address(Attribute.mappedAddress)).toBe('40.0.0.1:5000');
    expect(answer.address(Attribute.xorMappedAddress)).toBe('40.0.0.1:5000');
    const source = address('[2a01:9::9]:6000');
    expect(ask(server, at('[2a01:1::2]:3478'), undefined, { source })?.address(Attribute.otherAddress)).toBe(
      '[2a01:1::1]:3479',
    );
  });

  it.each([
    [true, true, '30.0.0.2:3479'],
    [true, false, '30.0.0.2:3478'],
    [false, true, '30.0.0.1:3479'],
    [false, false, '30.0.0.1:3478'],
  ])('answers CHANGE-REQUEST (address %s, port %s) from %s', (changeIp, changePort, from) => {
    const answer = ask(discoveryServer(), at('30.0.0.1:3478'), (writer) =>
      writeChangeRequest(writer, { changeIp, changePort }),
    )!;
    expect(answer.from).toBe(from);
    expect(answer.address(Attribute.responseOrigin)).toBe(from);
  });

  it('answers to the port that RESPONSE-PORT names', () => {
    const answer = ask(discoveryServer(), at('30.0.0.1:3478'), (writer) => writeResponsePort(writer, 7777))!;
    expect(answer.to).toBe('40.0.0.1:7777');
    expect(answer.address(Attribute.xorMappedAddress)).toBe('40.0.0.1:5000');
  });

  it('pads its answer as the request was padded, and no more', () => {
    for (const [asked, given] of [
      [1400, 1400],
      [1500, 1500],
      [3000, 1500],
    ] as const) {
      const { message } = ask(discoveryServer(), at('30.0.0.1:3478'), (writer) => writePadding(writer, asked))!;
      expect(message.lengthAt(message.find(Attribute.padding))).toBe(given);
    }
  });

  it('refuses RESPONSE-PORT together with PADDING, and what is malformed, with 400', () => {
    const ask400 = (write: (writer: MessageWriter) => void) => ask(discoveryServer(), at('30.0.0.1:3478'), write)?.code;
    expect(
      ask400((writer) => {
        writeResponsePort(writer, 7777);
        writePadding(writer, 100);
      }),
    ).toBe(400);
    expect(ask400((writer) => writer.flag(Attribute.changeRequest))).toBe(400);
    expect(ask400((writer) => writeResponsePort(writer, 0))).toBe(400);
  });

  it('is off on sockets that take no part: CHANGE-REQUEST is an unknown attribute, and no other address is named', () => {
    const elsewhere: Listener = { id: 7, transport: 'udp', local: address('30.0.0.3:3478') };
    const answer = ask(discoveryServer(), elsewhere, (writer) =>
      writeChangeRequest(writer, { changeIp: true, changePort: true }),
    );
    expect(answer?.code).toBe(420);
    expect(ask(discoveryServer(), elsewhere)?.address(Attribute.otherAddress)).toBeUndefined();
  });

  it('over TCP names the other address but cannot change it', () => {
    const connection: Listener = { id: 8, transport: 'tcp', local: address('30.0.0.1:3478') };
    const server = discoveryServer();
    expect(ask(server, connection)?.address(Attribute.otherAddress)).toBe('30.0.0.2:3479');
    const change = (writer: MessageWriter) => writeChangeRequest(writer, { changeIp: true, changePort: false });
    expect(ask(server, connection, change)?.code).toBe(420);
  });
});

describe('clients of RFC 3489', () => {
  const change = (writer: MessageWriter) => writeChangeRequest(writer, { changeIp: false, changePort: false });

  it('get the old attributes and their whole transaction id back where that is switched on', () => {
    const answer = ask(discoveryServer({ rfc3489: true }), at('30.0.0.1:3478'), change, { classic: true })!;
    expect(answer.message.classicTransactionId).toEqual(Buffer.alloc(16, 0xaa));
    expect(answer.address(Attribute.mappedAddress)).toBe('40.0.0.1:5000');
    expect(answer.address(Attribute.sourceAddress)).toBe('30.0.0.1:3478');
    expect(answer.address(Attribute.changedAddress)).toBe('30.0.0.2:3479');
    expect(answer.message.has(Attribute.xorMappedAddress)).toBe(false);
  });

  it('get nothing where it is off', () => {
    const server = discoveryServer();
    expect(ask(server, at('30.0.0.1:3478'), change, { classic: true })).toBeUndefined();
    expect(server.counters.dropped('no-magic-cookie')).toBe(1);
  });
});
