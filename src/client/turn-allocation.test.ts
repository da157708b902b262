import { beforeEach, describe, expect, it } from 'vitest';
import { address, ScriptedSocket } from '../../test/client/scripted-socket.ts';
import { credentials, ScriptedTurnServer, serverAddress } from '../../test/client/scripted-turn-server.ts';
import { VirtualClock } from '../../test/client/virtual-clock.ts';
import { readXorAddress, writeXorAddress } from '../stun/attributes/address.ts';
import { readChannelNumber, readLifetime } from '../stun/attributes/allocation.ts';
import { writeIcmp } from '../stun/attributes/icmp.ts';
import { formatTransportAddress, type TransportAddress } from '../stun/ip-address.ts';
import { MessageWriter } from '../stun/message-writer.ts';
import { Attribute, MessageClass, Method } from '../stun/protocol.ts';
import type { RefreshTask } from './refresh-schedule.ts';
import type { RequestFailure } from './request-failure.ts';
import type { TurnAllocation } from './turn-allocation.ts';
import { TurnClient } from './turn-client.ts';

const peer = address('198.51.100.20', 6000);
const otherPeer = address('198.51.100.21', 6000);
const minute = 60_000;

let clock: VirtualClock;
let socket: ScriptedSocket;
let server: ScriptedTurnServer;
let allocation: TurnAllocation;
let received: string[];
let lost: [RefreshTask, RequestFailure][];

beforeEach(async () => {
  clock = new VirtualClock();
  socket = new ScriptedSocket(clock, serverAddress);
  server = new ScriptedTurnServer();
  socket.script = (request) => server.answer(request);
  const client = new TurnClient(socket, { server: serverAddress, credentials, clock });
  const result = await clock.until(client.allocate());
  if (!result.ok) throw new Error(result.error.kind);
  allocation = result.value;
  received = [];
  lost = [];
  allocation.onData = (from, bytes) => received.push(`${formatTransportAddress(from)} ${bytes.toString()}`);
  allocation.onRefreshFailed = (task, reason) => lost.push([task, reason]);
});

const bind = (to: TransportAddress) => clock.until(allocation.bindChannel(to));
const permit = (...peers: TransportAddress[]) => clock.until(allocation.createPermission(peers));
const count = (method: number) => socket.requests(method).length;

function dataIndication(from: TransportAddress, write: (writer: MessageWriter) => void): Buffer {
  const writer = new MessageWriter().begin(MessageClass.indication, Method.data, Buffer.alloc(12, 1));
  writeXorAddress(writer, Attribute.xorPeerAddress, from);
  write(writer);
  return writer.finish();
}

async function deliver(bytes: Buffer, from?: TransportAddress): Promise<void> {
  socket.deliver(bytes, from);
  await clock.advance(10);
}

describe('sending', () => {
  it('goes in a Send indication when no channel is bound', () => {
    allocation.send(peer, Buffer.from('hello'));
    const indication = socket.requests(Method.send).at(-1)!;
    expect(indication.messageClass).toBe(MessageClass.indication);
    expect(readXorAddress(indication, indication.find(Attribute.xorPeerAddress))).toEqual(peer);
    expect(indication.valueAt(indication.find(Attribute.data)).toString()).toBe('hello');
    expect(indication.has(Attribute.dontFragment)).toBe(false);
  });

  it('goes over the channel when one is bound', async () => {
    expect(await bind(peer)).toEqual({ ok: true, value: 0x4000 });
    allocation.send(peer, Buffer.from('hello'));
    expect(socket.sent.at(-1)!.toString('hex')).toBe('4000000568656c6c6f');
  });

  it('goes in an indication after all when it must not be fragmented', async () => {
    await bind(peer);
    allocation.send(peer, Buffer.from('hello'), { dontFragment: true });
    expect(socket.requests(Method.send).at(-1)!.has(Attribute.dontFragment)).toBe(true);
  });

  it('goes in an indication when binding the channel failed', async () => {
    server.errors.set(Method.channelBind, [403]);
    expect(await bind(peer)).toMatchObject({ ok: false, error: { code: 403 } });
    allocation.send(peer, Buffer.from('hello'));
    expect(count(Method.send)).toBe(1);
  });
});

describe('channels', () => {
  it('are one per peer, and binding again keeps the number', async () => {
    expect(await bind(peer)).toEqual({ ok: true, value: 0x4000 });
    expect(await bind(otherPeer)).toEqual({ ok: true, value: 0x4001 });
    expect(await bind(peer)).toEqual({ ok: true, value: 0x4000 });
  });

  it('are one per peer also when asked for twice at once', async () => {
    const both = await clock.until(Promise.all([allocation.bindChannel(peer), allocation.bindChannel(peer)]));
    expect(both).toEqual([
      { ok: true, value: 0x4000 },
      { ok: true, value: 0x4000 },
    ]);
  });

  it('end with the last number of RFC 8656', async () => {
    for (let i = 0; i < 0x1000; i++) void allocation.bindChannel(address('198.51.100.20', 1 + i));
    expect(await bind(address('198.51.100.20', 0x2000))).toEqual({ ok: false, error: { kind: 'channels-exhausted' } });
    const numbers = socket
      .requests(Method.channelBind)
      .map((request) => readChannelNumber(request, request.find(Attribute.channelNumber)));
    expect(Math.max(...numbers.map(Number))).toBe(0x4fff);
  });
});

describe('receiving', () => {
  it('takes data from indications and from channels', async () => {
    await bind(peer);
    await deliver(dataIndication(otherPeer, (writer) => writer.attribute(Attribute.data, Buffer.from('one'))));
    await deliver(Buffer.from('4000000374776f', 'hex'));
    // Servers may pad ChannelData over UDP (RFC 8656 §12.5).
    await deliver(Buffer.from('400000037477ff00', 'hex'));
    expect(received).toEqual(['198.51.100.21:6000 one', '198.51.100.20:6000 two', '198.51.100.20:6000 tw\ufffd']);
  });

  it('takes nothing that is malformed, unknown or from elsewhere', async () => {
    await bind(peer);
    const good = dataIndication(peer, (writer) => writer.attribute(Attribute.data, Buffer.from('x')));
    await deliver(good, address('192.0.2.66', 3478));
    await deliver(good, address('192.0.2.1', 3479));
    await deliver(Buffer.from('4001000161', 'hex'));
    await deliver(Buffer.from('4000000961', 'hex'));
    await deliver(Buffer.from('4000', 'hex'));
    await deliver(dataIndication(peer, () => {}));
    await deliver(good.subarray(0, good.length - 4));
    expect(received).toEqual([]);
  });

  it('tells ICMP errors from data', async () => {
    const errors: unknown[] = [];
    allocation.onIcmp = (from, error) => errors.push([from.port, error]);
    await deliver(dataIndication(peer, (writer) => writeIcmp(writer, { type: 3, code: 3, data: 0 })));
    expect(errors).toEqual([[6000, { type: 3, code: 3, data: 0 }]]);
    expect(received).toEqual([]);
  });
});

describe('staying alive', () => {
  it('refreshes the allocation a minute before its end, for hours', async () => {
    await clock.advance(9 * minute - 100);
    expect(count(Method.refresh)).toBe(0);
    await clock.advance(200);
    expect(count(Method.refresh)).toBe(1);
    await clock.advance(9 * 60 * minute);
    expect(count(Method.refresh)).toBe(60);
    expect(lost).toEqual([]);
  });

  it('waits for the end of a lifetime of years in steps that a timer can take', async () => {
    const waits: number[] = [];
    const schedule = clock.schedule.bind(clock);
    clock.schedule = (delayMs, callback) => {
      waits.push(delayMs);
      return schedule(delayMs, callback);
    };
    server.lifetimeSeconds = 2 ** 32 - 1;
    await clock.until(allocation.refresh());
    await clock.advance(60 * 24 * 60 * minute);
    expect(Math.max(...waits)).toBe(2 ** 31 - 1);
    expect(count(Method.refresh)).toBe(1);
    allocation.abandon();
  });

  it('refreshes a short-lived allocation half way', async () => {
    server.lifetimeSeconds = 60;
    await clock.until(allocation.refresh());
    await clock.advance(29_000);
    expect(count(Method.refresh)).toBe(1);
    await clock.advance(2_000);
    expect(count(Method.refresh)).toBe(2);
  });

  it('refreshes permissions every four minutes, those that are due together in one request', async () => {
    await permit(peer, otherPeer);
    await clock.advance(4 * minute + 100);
    const requests = socket.requests(Method.createPermission);
    expect(requests).toHaveLength(2);
    const first = requests[1]!.find(Attribute.xorPeerAddress);
    expect(requests[1]!.find(Attribute.xorPeerAddress, first + 1)).toBeGreaterThan(first);
    await clock.advance(8 * minute);
    expect(count(Method.createPermission)).toBe(4);
  });

  it('refreshes a channel every nine minutes and its permission every four', async () => {
    await bind(peer);
    await clock.advance(9 * minute + 1000);
    expect(count(Method.channelBind)).toBe(2);
    expect(count(Method.createPermission)).toBe(2);
  });

  it('does so across a change of nonce', async () => {
    await permit(peer);
    server.nonce = server.nonce.replace('first', 'second');
    await clock.advance(20 * minute);
    expect(lost).toEqual([]);
  });

  it('says when the server has lost the allocation, and then is quiet', async () => {
    await permit(peer);
    server.errors.set(Method.refresh, [437]);
    await clock.advance(10 * minute);
    expect(lost).toMatchObject([[{ kind: 'allocation' }, { kind: 'error-response', code: 437 }]]);
    const sent = socket.sent.length;
    await clock.advance(60 * minute);
    expect(socket.sent.length).toBe(sent);
    expect(clock.armed).toBe(0);
  });

  it('says when a permission cannot be refreshed, and keeps the rest alive', async () => {
    await permit(peer);
    server.errors.set(Method.createPermission, [403]);
    await clock.advance(10 * minute);
    expect(lost).toMatchObject([[{ kind: 'permissions', peers: [peer] }, { code: 403 }]]);
    expect(count(Method.refresh)).toBe(1);
  });
});

describe('closing', () => {
  it('gives the allocation back and leaves no timer', async () => {
    await bind(peer);
    expect(await clock.until(allocation.close())).toEqual({ ok: true, value: undefined });
    const refresh = socket.requests(Method.refresh).at(-1)!;
    expect(readLifetime(refresh, refresh.find(Attribute.lifetime))).toBe(0);
    expect(clock.armed).toBe(0);
  });

  it('is content when the server has forgotten the allocation already', async () => {
    server.errors.set(Method.refresh, [437]);
    expect(await clock.until(allocation.close())).toMatchObject({ ok: true });
  });

  it('delivers nothing afterwards', async () => {
    await bind(peer);
    await clock.until(allocation.close());
    await deliver(Buffer.from('4000000374776f', 'hex'));
    expect(received).toEqual([]);
  });
});
