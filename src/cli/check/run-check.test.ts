import { describe, expect, it } from 'vitest';
import { quality } from '../../../test/check/reports.ts';
import { address, ScriptedSocket } from '../../../test/client/scripted-socket.ts';
import { credentials, ScriptedTurnServer } from '../../../test/client/scripted-turn-server.ts';
import { VirtualClock } from '../../../test/client/virtual-clock.ts';
import { formatIceUrl, parseIceUrl } from '../../client/ice-url.ts';
import { failure, success } from '../../client/result.ts';
import { Method } from '../../stun/protocol.ts';
import {
  type CheckDependencies,
  type CheckObserver,
  type CheckTarget,
  type CheckWishes,
  runCheck,
} from './run-check.ts';

const host = '192.0.2.1';

function target(text = `turn:${host}:8000`): CheckTarget {
  const url = parseIceUrl(text);
  if (!url.ok) throw new Error(url.error.reason);
  return { text, url: url.value, credentials: { ...credentials, source: 'password' } };
}

/** A host with TURN servers on some UDP ports, and nothing over TCP. */
class ScriptedHost {
  readonly clock = new VirtualClock();
  /** Called with the port before each socket is opened; its server then does as it says. */
  prepare: (server: ScriptedTurnServer, port: number) => void = () => {};
  readonly #ports: readonly number[];
  #sockets = 0;

  constructor(...ports: readonly number[]) {
    this.#ports = ports;
  }

  get ladder(): CheckDependencies['ladder'] {
    /** Who has which relayed address, to take packets there. */
    const relays = new Map<number, ScriptedSocket[]>();
    return {
      clock: this.clock,
      unixNow: () => 1_800_000_000,
      resolveHost: async () => success([address(host, 1).ip]),
      openUdp: async (server) => {
        const socket = new ScriptedSocket(this.clock, server);
        if (!this.#ports.includes(server.port)) return success(socket);
        const scripted = new ScriptedTurnServer();
        scripted.relayedAddress = address('8.8.4.4', 50_000 + this.#sockets++);
        this.prepare(scripted, server.port);
        socket.script = (request) => scripted.answer(request);
        const pair = relays.get(server.port)?.length === 1 ? relays.get(server.port)! : [];
        pair.push(socket);
        relays.set(server.port, pair);
        socket.channelData = (bytes) => pair.find((other) => other !== socket)?.deliver(bytes);
        return success(socket);
      },
      connectTcp: async () => failure({ kind: 'refused', code: 'ECONNREFUSED', message: '' }),
    };
  }

  check(
    wishes: Partial<CheckWishes> = {},
    more: Partial<CheckDependencies> = {},
    observer: CheckObserver = {},
    asked = target(),
  ) {
    const dependencies = { ladder: this.ladder, ...more };
    return this.clock.until(runCheck(asked, { all: false, thresholds: [], ...wishes }, dependencies, observer));
  }
}

describe('a check', () => {
  it('tells steps as they pass, and measures while the relay is open', async () => {
    const scripted = new ScriptedHost(8000);
    const told: string[] = [];
    const measure = async () => {
      told.push('measure');
      return quality();
    };
    const report = await scripted.check({}, { measure }, { onRung: ({ name }) => told.push(name) });
    expect(report).toMatchObject({ passed: true, startedAt: '2027-01-15T08:00:00Z', quality: { mos: 4.3 } });
    expect(told.slice(told.indexOf('echo'))).toEqual(['echo', 'measure', 'refresh', 'close']);
    expect(scripted.clock.armed).toBe(0);
  });

  it('does not measure what fails before, and its thresholds are broken', async () => {
    const scripted = new ScriptedHost(8000);
    scripted.prepare = (server) => server.errors.set(Method.createPermission, [403]);
    const report = await scripted.check(
      { thresholds: [{ name: 'max-rtt', limit: 100 }] },
      { measure: () => Promise.reject(new Error('never asked for')) },
    );
    expect(report.passed).toBe(false);
    expect(report.quality).toBeUndefined();
    expect(report.thresholds).toEqual([{ name: 'max-rtt', limit: 100, measured: undefined, kept: false }]);
  });

  it('fails when a threshold is broken, though every step passes', async () => {
    const wishes = { thresholds: [{ name: 'max-rtt', limit: 40 }] as const };
    const report = await new ScriptedHost(8000).check(wishes, { measure: async () => quality() });
    expect(report).toMatchObject({ passed: false, notTested: [] });
  });

  it('says when a credential ends that was given, and not of one made for the check', async () => {
    const base = target();
    const given = (username: string, source: 'password' | 'shared-secret') => ({
      ...base,
      credentials: { username, password: 'x', source },
    });
    const check = (asked: CheckTarget) => new ScriptedHost().check({}, {}, {}, asked);
    expect((await check(given('1800000600:alice', 'password'))).credentialExpiresAt).toBe('2027-01-15T08:10:00Z');
    expect((await check(given('1800000600:alice', 'shared-secret'))).credentialExpiresAt).toBeUndefined();
    expect((await check(given('alice', 'password'))).credentialExpiresAt).toBeUndefined();
    expect((await check(given('999999999999999:a', 'password'))).credentialExpiresAt).toBeUndefined();
  });

  it('looks at security only where a server answers, at the address that answered', async () => {
    const asked: string[] = [];
    const examine: CheckDependencies['examine'] = async (_target, { ip, port }) => {
      asked.push(`${ip.text} ${port}`);
      return { safe: false, findings: [] };
    };
    expect(await new ScriptedHost(8000).check({}, { examine })).toMatchObject({
      passed: false,
      security: { safe: false },
    });
    expect((await new ScriptedHost().check({}, { examine })).security).toBeUndefined();
    expect(asked).toEqual([`${host} 8000`]);
  });
});

describe('a check of all ways', () => {
  it('takes one that is not offered for no failure', async () => {
    const report = await new ScriptedHost(8000).check({ all: true });
    expect(report.passed).toBe(true);
    expect(report.alternatives).toHaveLength(6);
    expect(new Set(report.alternatives!.map(({ notOffered }) => notOffered))).toEqual(
      new Set(['nothing answers', 'nothing listens there']),
    );
    expect(report).toMatchObject({ best: `turn:${host}:8000`, bestBecause: 'it is the only one that works' });
  });

  it('measures the ways that work one after the other, when all have climbed', async () => {
    const scripted = new ScriptedHost(8000, 3478);
    let measuring = 0;
    let count = 0;
    const measure = async () => {
      expect(++measuring).toBe(1);
      await new Promise<void>((resolve) => void scripted.clock.schedule(10_000, resolve));
      measuring--;
      return quality({ p50: count++ === 0 ? 80 : 40 });
    };
    const report = await scripted.check({ all: true }, { measure });
    expect(report.quality?.roundTripMs.p50).toBe(80);
    const plain = report.alternatives!.find(({ url }) => url === `turn:${host}`);
    expect(plain).toMatchObject({ passed: true, quality: { roundTripMs: { p50: 40 } } });
    expect(report).toMatchObject({ best: `turn:${host}`, bestBecause: 'it has the shortest round trip' });
  });

  it('fails when a way is offered and does not work', async () => {
    const scripted = new ScriptedHost(8000, 3478);
    scripted.prepare = (server, port) => port === 3478 && server.errors.set(Method.allocate, [508]);
    const report = await scripted.check({ all: true });
    expect(report.passed).toBe(false);
    expect(report.rungs.every(({ passed }) => passed)).toBe(true);
    expect(report.best).toBe(`turn:${host}:8000`);
  });

  it('tries a way again by itself, which the others left no room', async () => {
    const scripted = new ScriptedHost(8000, 3478);
    let opened = 0;
    // The second allocation is one too many, the first time.
    scripted.prepare = (server, port) => {
      if (port === 3478 && ++opened === 2) server.errors.set(Method.allocate, [486]);
    };
    const report = await scripted.check({ all: true }, { measure: async () => quality() });
    expect(report.passed).toBe(true);
    expect(report.alternatives!.find(({ url }) => url === `turn:${host}`)).toMatchObject({ passed: true, quality: {} });
  });

  it('has no other ways when the name is not found', async () => {
    const scripted = new ScriptedHost();
    const ladder = { ...scripted.ladder, resolveHost: async () => failure({ code: 'ENOTFOUND' }) };
    const asked = target('turn:turn.example.org');
    const report = await scripted.check({ all: true }, { ladder }, {}, asked);
    expect(report).toMatchObject({ passed: false, alternatives: [] });
    expect(formatIceUrl(asked.url)).toBe(report.url);
  });
});
