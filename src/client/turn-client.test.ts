import { beforeEach, describe, expect, it } from 'vitest';
import { answerTo, ScriptedSocket } from '../../test/client/scripted-socket.ts';
import {
  credentials,
  mappedAddress,
  relayedAddress,
  ScriptedTurnServer,
  serverAddress,
} from '../../test/client/scripted-turn-server.ts';
import { VirtualClock } from '../../test/client/virtual-clock.ts';
import { writeXorAddress } from '../stun/attributes/address.ts';
import { readAddressFamily, readEvenPort, readLifetime, writeLifetime } from '../stun/attributes/allocation.ts';
import { writeErrorCode } from '../stun/attributes/error-code.ts';
import { readPasswordAlgorithm, readPasswordAlgorithms } from '../stun/attributes/password-algorithms.ts';
import { readText, readUserhash, userhash, writeText } from '../stun/attributes/text.ts';
import { findIntegrity } from '../stun/integrity.ts';
import { formatTransportAddress } from '../stun/ip-address.ts';
import { PasswordAlgorithm } from '../stun/long-term-key.ts';
import type { StunMessage } from '../stun/message.ts';
import { noncePrefix } from '../stun/nonce-cookie.ts';
import { AddressFamily, Attribute, MessageClass, Method } from '../stun/protocol.ts';
import { TurnClient, type TurnClientOptions } from './turn-client.ts';

let clock: VirtualClock;
let socket: ScriptedSocket;
let server: ScriptedTurnServer;

beforeEach(() => {
  clock = new VirtualClock();
  socket = new ScriptedSocket(clock, serverAddress);
  server = new ScriptedTurnServer();
  socket.script = (request) => server.answer(request);
});

function client(options: Partial<TurnClientOptions> = {}): TurnClient {
  return new TurnClient(socket, { server: serverAddress, credentials, clock, ...options });
}

const allocate = (options: Partial<TurnClientOptions> = {}) => clock.until(client(options).allocate());
const lastAllocate = () => socket.requests(Method.allocate).at(-1)!;
const textOf = (message: StunMessage, type: number) => readText(message, message.find(type));

describe('Allocate', () => {
  it('answers the challenge and learns its addresses and lifetime', async () => {
    const allocation = await allocate();
    if (!allocation.ok) throw new Error(allocation.error.kind);
    const { granted } = allocation.value;
    expect(formatTransportAddress(allocation.value.relayedAddress)).toBe(formatTransportAddress(relayedAddress));
    expect(formatTransportAddress(granted.mappedAddress)).toBe(formatTransportAddress(mappedAddress));
    expect(granted.lifetimeSeconds).toBe(600);
    expect(socket.requests(Method.allocate)).toHaveLength(2);
  });

  it('writes what was asked for', async () => {
    const token = Buffer.from('0123456789abcdef', 'hex');
    await clock.until(
      client().allocate({
        lifetimeSeconds: 1200,
        addressFamily: AddressFamily.ipv6,
        additionalAddressFamily: AddressFamily.ipv6,
        evenPort: 'even-and-reserve-next',
        reservationToken: token,
        dontFragment: true,
        transportProtocol: 6,
      }),
    );
    const request = lastAllocate();
    expect(readLifetime(request, request.find(Attribute.lifetime))).toBe(1200);
    expect(readAddressFamily(request, request.find(Attribute.requestedAddressFamily))).toBe(2);
    expect(readAddressFamily(request, request.find(Attribute.additionalAddressFamily))).toBe(2);
    expect(readEvenPort(request, request.find(Attribute.evenPort))).toBe(true);
    expect(request.valueAt(request.find(Attribute.reservationToken)).equals(token)).toBe(true);
    expect(request.has(Attribute.dontFragment)).toBe(true);
    expect(request.valueAt(request.find(Attribute.requestedTransport))[0]).toBe(6);
  });

  it('reads both addresses of a dual allocation, or why there is only one', async () => {
    const second = { ip: relayedAddress.ip, port: 51235 };
    socket.script = (request) => [
      answerTo(request, MessageClass.success, (writer) => {
        writeXorAddress(writer, Attribute.xorRelayedAddress, relayedAddress);
        writeXorAddress(writer, Attribute.xorRelayedAddress, second);
        writeXorAddress(writer, Attribute.xorMappedAddress, mappedAddress);
        writeLifetime(writer, 600);
        writer.attribute(Attribute.addressErrorCode, Buffer.from('02000428', 'hex'));
      }),
    ];
    const allocation = await allocate();
    if (!allocation.ok) throw new Error(allocation.error.kind);
    expect(allocation.value.granted.relayedAddresses.map(({ port }) => port)).toEqual([51234, 51235]);
    expect(allocation.value.granted.addressErrors).toEqual([{ family: AddressFamily.ipv6, code: 440, reason: '' }]);
  });

  it.each([Attribute.xorRelayedAddress, Attribute.xorMappedAddress, Attribute.lifetime])(
    'without attribute 0x%i in the answer is malformed',
    async (missing) => {
      socket.script = (request) => [
        answerTo(request, MessageClass.success, (writer) => {
          for (const type of [Attribute.xorRelayedAddress, Attribute.xorMappedAddress]) {
            if (type !== missing) writeXorAddress(writer, type, relayedAddress);
          }
          if (missing !== Attribute.lifetime) writeLifetime(writer, 600);
        }),
      ];
      expect(await allocate()).toEqual({ ok: false, error: { kind: 'malformed-response', missing } });
    },
  );

  it.each([300, 400, 403, 420, 437, 440, 441, 442, 486, 500, 508])('gives a %i back as a value', async (code) => {
    server.errors.set(Method.allocate, [code]);
    expect(await allocate()).toMatchObject({ ok: false, error: { kind: 'error-response', code, authenticated: true } });
  });
});

describe('authentication', () => {
  it('uses the first offered algorithm that it knows, and SHA-256 integrity', async () => {
    server.algorithms = [PasswordAlgorithm.sha256, 0x77, PasswordAlgorithm.md5];
    expect(await allocate()).toMatchObject({ ok: true });
    const request = lastAllocate();
    expect(readPasswordAlgorithm(request, request.find(Attribute.passwordAlgorithm))).toBe(PasswordAlgorithm.sha256);
    expect(readPasswordAlgorithms(request, request.find(Attribute.passwordAlgorithms))).toEqual([2, 0x77, 1]);
    expect(findIntegrity(request, 'sha256')).toBeGreaterThan(0);
    expect(findIntegrity(request, 'sha1')).toBe(-1);
  });

  it('follows the order of the server, not its own', async () => {
    server.algorithms = [PasswordAlgorithm.md5, PasswordAlgorithm.sha256];
    expect(await allocate()).toMatchObject({ ok: true });
    const request = lastAllocate();
    expect(readPasswordAlgorithm(request, request.find(Attribute.passwordAlgorithm))).toBe(PasswordAlgorithm.md5);
  });

  it('can be held to fewer algorithms', async () => {
    server.algorithms = [PasswordAlgorithm.sha256];
    expect(await allocate({ passwordAlgorithms: [PasswordAlgorithm.md5] })).toEqual({
      ok: false,
      error: { kind: 'no-supported-algorithm', offered: [PasswordAlgorithm.sha256] },
    });
    expect(socket.requests(Method.allocate)).toHaveLength(1);
  });

  it('uses MD5 and SHA-1 with a server that offers no choice', async () => {
    server.algorithms = [];
    server.nonce = 'a nonce without cookie';
    expect(await allocate()).toMatchObject({ ok: true });
    const request = lastAllocate();
    expect(request.has(Attribute.passwordAlgorithm)).toBe(false);
    expect(findIntegrity(request, 'sha1')).toBeGreaterThan(0);
  });

  it('refuses a challenge from which somebody took the algorithms', async () => {
    server.algorithms = [];
    expect(await allocate()).toEqual({ ok: false, error: { kind: 'bid-down' } });
    expect(socket.requests(Method.allocate)).toHaveLength(1);
  });

  it('hides the username where the server can look up its hash', async () => {
    server.nonce = `${noncePrefix({ passwordAlgorithms: true, usernameAnonymity: true })}x`;
    expect(await allocate()).toMatchObject({ ok: true });
    const request = lastAllocate();
    expect(request.has(Attribute.username)).toBe(false);
    expect(readUserhash(request, request.find(Attribute.userhash))).toEqual(
      userhash(credentials.username, server.realm),
    );
  });

  it('takes a second 401 as final: the credentials are wrong', async () => {
    server.password = 'another';
    expect(await allocate()).toMatchObject({ ok: false, error: { code: 401, authenticated: true } });
    expect(socket.requests(Method.allocate)).toHaveLength(2);
  });

  it('reports the first 401 when it has no credentials', async () => {
    const anonymous = new TurnClient(socket, { server: serverAddress, clock });
    expect(await clock.until(anonymous.allocate())).toMatchObject({ error: { code: 401, authenticated: false } });
  });

  it('tries again with the new realm when that has changed', async () => {
    let answered = 0;
    server.alter = (answer, request) => {
      if (++answered !== 1) return [answer];
      return [
        answerTo(request, MessageClass.error, (writer) => {
          writeErrorCode(writer, 401);
          writeText(writer, Attribute.realm, 'former.example.org');
          writeText(writer, Attribute.nonce, 'a nonce');
        }),
      ];
    };
    expect(await allocate()).toMatchObject({ ok: true });
    expect(textOf(lastAllocate(), Attribute.realm)).toBe('example.org');
  });

  it('does not show what the password makes of one realm after the other, without end', async () => {
    let realms = 0;
    socket.script = (request) => [
      answerTo(request, MessageClass.error, (writer) => {
        writeErrorCode(writer, 401);
        writeText(writer, Attribute.realm, `realm ${++realms}`);
        writeText(writer, Attribute.nonce, 'a nonce');
      }),
    ];
    expect(await allocate()).toMatchObject({ ok: false, error: { code: 401, authenticated: true } });
    expect(realms).toBe(3);
  });

  it('takes the new nonce of a 438 and goes on', async () => {
    const turn = client();
    const allocation = await clock.until(turn.allocate());
    if (!allocation.ok) throw new Error(allocation.error.kind);
    server.nonce = server.nonce.replace('first', 'second');
    expect(await clock.until(allocation.value.refresh())).toMatchObject({ ok: true, value: 600 });
    expect(textOf(socket.requests(Method.refresh).at(-1)!, Attribute.nonce)).toMatch(/second$/);
    expect(socket.requests(Method.refresh)).toHaveLength(2);
  });

  it('ends a loop of stale nonces', async () => {
    server.errors.set(Method.allocate, Array(100).fill(438));
    expect(await allocate()).toEqual({ ok: false, error: { kind: 'stale-nonce-loop', attempts: 4 } });
  });

  it('reports a challenge without realm or nonce as malformed', async () => {
    socket.script = (request) => [answerTo(request, MessageClass.error, (writer) => writeErrorCode(writer, 401))];
    expect(await allocate()).toMatchObject({ error: { kind: 'malformed-response', missing: Attribute.realm } });
  });

  it('ignores answers that are not signed with the password, and takes the true one that follows', async () => {
    server.alter = (answer, request) => {
      if (!request.has(Attribute.username)) return [answer];
      const forged = answerTo(request, MessageClass.success, (writer) => {
        writeXorAddress(writer, Attribute.xorRelayedAddress, serverAddress);
        writeXorAddress(writer, Attribute.xorMappedAddress, serverAddress);
        writeLifetime(writer, 600);
      });
      return [forged, answer];
    };
    expect(await allocate()).toMatchObject({ ok: true, value: { relayedAddress: { port: relayedAddress.port } } });
  });

  it('says at the end that answers came but could not be trusted, and what they claimed', async () => {
    server.errors.set(Method.allocate, Array(20).fill(486));
    server.signsErrors = false;
    expect(await allocate()).toEqual({
      ok: false,
      error: { kind: 'integrity-violated', claimed: { code: 486, reason: '' } },
    });
  });
});

describe('a challenge asked for by itself', () => {
  it('shows what the server asks for', async () => {
    const challenge = await clock.until(client().challenge());
    expect(challenge).toMatchObject({
      ok: true,
      value: { kind: 'challenged', challenge: { realm: 'example.org', algorithm: PasswordAlgorithm.sha256 } },
    });
  });

  it('finds a server that relays for anybody', async () => {
    socket.script = (request) => [
      answerTo(request, MessageClass.success, (writer) => {
        writeXorAddress(writer, Attribute.xorRelayedAddress, relayedAddress);
        writeXorAddress(writer, Attribute.xorMappedAddress, mappedAddress);
        writeLifetime(writer, 600);
      }),
    ];
    expect(await clock.until(client().challenge())).toMatchObject({ ok: true, value: { kind: 'open' } });
  });

  it('gives back any other error', async () => {
    socket.script = (request) => [answerTo(request, MessageClass.error, (writer) => writeErrorCode(writer, 403))];
    expect(await clock.until(client().challenge())).toMatchObject({ error: { code: 403, authenticated: false } });
  });
});
