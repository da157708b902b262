import { beforeEach, describe, expect, it } from 'vitest';
import { address, answerTo, readMessage, ScriptedSocket } from '../../test/client/scripted-socket.ts';
import { mappedAddress, serverAddress } from '../../test/client/scripted-turn-server.ts';
import { VirtualClock } from '../../test/client/virtual-clock.ts';
import { writeAddress, writeXorAddress } from '../stun/attributes/address.ts';
import { writeErrorCode } from '../stun/attributes/error-code.ts';
import { writeUnknownAttributes } from '../stun/attributes/unknown-attributes.ts';
import { writeFingerprint } from '../stun/fingerprint.ts';
import { formatTransportAddress } from '../stun/ip-address.ts';
import type { StunMessage } from '../stun/message.ts';
import { Attribute, MessageClass } from '../stun/protocol.ts';
import { StunClient } from './stun-client.ts';

let clock: VirtualClock;
let socket: ScriptedSocket;
let client: StunClient;

beforeEach(() => {
  clock = new VirtualClock();
  socket = new ScriptedSocket(clock, serverAddress);
  client = new StunClient(socket, { clock });
});

function bindingSuccess(request: StunMessage): Buffer {
  return answerTo(request, MessageClass.success, (writer) =>
    writeXorAddress(writer, Attribute.xorMappedAddress, mappedAddress),
  );
}

const binding = () => clock.until(client.binding(serverAddress));

describe('a Binding request', () => {
  it('learns the mapped address, the time and the number of sends', async () => {
    socket.script = (request) => [bindingSuccess(request)];
    const answer = await binding();
    if (!answer.ok) throw new Error(answer.error.kind);
    expect(formatTransportAddress(answer.value.mappedAddress)).toBe(formatTransportAddress(mappedAddress));
    expect(answer.value).toMatchObject({ from: serverAddress, elapsedMs: 20, sends: 1 });
    expect(clock.armed).toBe(0);
  });

  it('is sent again until an answer comes, always with the same bytes', async () => {
    let heard = 0;
    socket.script = (request) => (++heard === 3 ? [bindingSuccess(request)] : []);
    const answer = await binding();
    expect(answer).toMatchObject({ ok: true, value: { sends: 3, elapsedMs: 1520 } });
    expect(socket.sent).toHaveLength(3);
    expect(new Set(socket.sent.map((bytes) => bytes.toString('hex'))).size).toBe(1);
  });

  it('fails after seven sends and 39.5 s of silence', async () => {
    expect(await binding()).toEqual({ ok: false, error: { kind: 'timeout', sends: 7, waitedMs: 39500 } });
    expect(socket.sent).toHaveLength(7);
  });

  it('fails at once when the system says that nothing listens there', async () => {
    const answer = client.binding(serverAddress);
    socket.onError({ kind: 'refused', code: 'ECONNREFUSED', message: 'refused' });
    expect(await answer).toEqual({ ok: false, error: { kind: 'unreachable', code: 'ECONNREFUSED' } });
    await clock.advance(10);
    expect(clock.armed).toBe(0);
  });

  it('outlives errors that say nothing about the server', async () => {
    socket.script = (request) => [bindingSuccess(request)];
    const answer = client.binding(serverAddress);
    socket.onError({ kind: 'other', code: 'EMSGSIZE', message: 'too long' });
    expect(await clock.until(answer)).toMatchObject({ ok: true });
  });

  it('ignores answers with another transaction id, from elsewhere, or with a wrong fingerprint', async () => {
    socket.script = (request) => {
      const right = bindingSuccess(request);
      const otherId = Buffer.from(right);
      otherId[12]! ^= 1;
      const broken = answerTo(request, MessageClass.success, writeFingerprint);
      broken[broken.length - 1]! ^= 1;
      socket.deliver(right, address('192.0.2.66', 3478));
      socket.deliver(right, address('192.0.2.1', 3479));
      return [otherId, broken];
    };
    expect(await binding()).toMatchObject({ error: { kind: 'timeout' } });
  });

  it('may be answered from elsewhere when that was asked for', async () => {
    const elsewhere = address('192.0.2.66', 3479);
    socket.script = (request) => {
      socket.deliver(bindingSuccess(request), elsewhere);
      return [];
    };
    const answer = await clock.until(client.binding(serverAddress, () => {}, { fromAnywhere: true }));
    expect(answer).toMatchObject({ ok: true, value: { from: elsewhere } });
  });

  it('takes MAPPED-ADDRESS from a server that knows no other', async () => {
    socket.script = (request) => [
      answerTo(request, MessageClass.success, (writer) => writeAddress(writer, Attribute.mappedAddress, mappedAddress)),
    ];
    expect(await binding()).toMatchObject({ ok: true });
  });

  it('reports an answer without an address as malformed', async () => {
    socket.script = (request) => [answerTo(request, MessageClass.success)];
    expect(await binding()).toEqual({
      ok: false,
      error: { kind: 'malformed-response', missing: Attribute.xorMappedAddress },
    });
  });

  it('reports errors with what belongs to them', async () => {
    socket.script = (request) => [
      answerTo(request, MessageClass.error, (writer) => {
        writeErrorCode(writer, 420, 'what?');
        writeUnknownAttributes(writer, [0x7001]);
      }),
    ];
    expect(await binding()).toMatchObject({
      error: { kind: 'error-response', code: 420, reason: 'what?', unknownAttributes: [0x7001] },
    });
    socket.script = (request) => [
      answerTo(request, MessageClass.error, (writer) => {
        writeErrorCode(writer, 300);
        writeAddress(writer, Attribute.alternateServer, address('192.0.2.77', 3478));
      }),
    ];
    expect(await binding()).toMatchObject({ error: { code: 300, alternateServer: { port: 3478 } } });
  });

  it('reports an error without ERROR-CODE as malformed', async () => {
    socket.script = (request) => [answerTo(request, MessageClass.error)];
    expect(await binding()).toMatchObject({ error: { kind: 'malformed-response', missing: Attribute.errorCode } });
  });
});

describe('over a connection', () => {
  beforeEach(() => {
    socket.reliable = true;
  });

  it('a request is sent once, and fails after 39.5 s of silence', async () => {
    expect(await binding()).toEqual({ ok: false, error: { kind: 'timeout', sends: 1, waitedMs: 39500 } });
    expect(socket.sent).toHaveLength(1);
  });

  it('requests under way and all later ones fail with the connection, and say why', async () => {
    const lost = { kind: 'lost', code: 'ECONNRESET', message: 'reset' } as const;
    const underWay = client.binding(serverAddress);
    socket.onError(lost);
    expect(await underWay).toEqual({ ok: false, error: { kind: 'connection-failed', error: lost } });
    expect(await client.binding(serverAddress)).toEqual({
      ok: false,
      error: { kind: 'connection-failed', error: lost },
    });
    expect(socket.sent).toHaveLength(1);
    await clock.advance(10);
    expect(clock.armed).toBe(0);
  });
});

it('keeps requests apart that are under way together', async () => {
  const held: StunMessage[] = [];
  socket.script = (request) => {
    held.push(request);
    // Answered in the reverse order, each with a port of its own.
    return held.length < 3
      ? []
      : held
          .reverse()
          .map((request, i) =>
            answerTo(request, MessageClass.success, (writer) =>
              writeXorAddress(writer, Attribute.xorMappedAddress, address('198.51.100.1', 1000 + i)),
            ),
          );
  };
  const answers = await clock.until(Promise.all([1, 2, 3].map(() => client.binding(serverAddress))));
  expect(answers.map((answer) => answer.ok && answer.value.mappedAddress.port)).toEqual([1002, 1001, 1000]);
});

it('hands on what is no answer to a request of its own', async () => {
  const others: string[] = [];
  client.onOther = (bytes) => others.push(bytes.toString('hex'));
  const channelData = Buffer.from('4000000100000000', 'hex');
  const request = Buffer.from(`000100002112a442${'00'.repeat(12)}`, 'hex');
  const late = answerTo(readMessage(request), MessageClass.success);
  for (const bytes of [channelData, request, late, Buffer.alloc(0), Buffer.from('ff', 'hex')]) socket.deliver(bytes);
  await clock.advance(10);
  expect(others).toHaveLength(5);
});

it('ends what is under way when it is closed, and takes nothing new', async () => {
  const underWay = client.binding(serverAddress);
  client.close();
  expect(await underWay).toEqual({ ok: false, error: { kind: 'closed' } });
  expect(await client.binding(serverAddress)).toEqual({ ok: false, error: { kind: 'closed' } });
  expect(socket.closed).toBe(true);
  // What is in flight arrives; no retransmission is left behind it.
  await clock.advance(10);
  expect(clock.armed).toBe(0);
});
