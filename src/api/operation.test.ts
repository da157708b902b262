import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeDaemon, now, plane, type TestKey } from '../../test/api/fake-daemon.ts';

let daemon: FakeDaemon;
let admin: TestKey;
let tenant: TestKey;

beforeEach(() => {
  daemon = new FakeDaemon();
  admin = daemon.key(['admin', 'read']);
  tenant = daemon.key(['admin', 'read'], { userPrefix: 'acme-' });
});
afterEach(() => daemon.service.close());

describe('GET /v1/status', () => {
  it('shows how the daemon is doing', async () => {
    expect((await daemon.ask('GET', '/v1/status', admin)).json()).toEqual({
      version: '1.2.3',
      pid: 4711,
      startedAt: '2023-11-14T22:13:20.000Z',
      state: 'serving',
      plane,
      urls: ['stun:turn.example.org:3478'],
      allocations: 2,
      users: 1,
      relayed: { packets: 10, bytes: 1200 },
      store: { kind: 'sqlite', available: true },
    });
  });
});

describe('POST /v1/reload', () => {
  const reload = () => daemon.ask('POST', '/v1/reload', admin);

  it('says what is in use now and what waits for the next start', async () => {
    daemon.reload = { ok: true, applied: ['log.level'], waiting: ['relay.ports'] };
    const response = await reload();
    expect([response.statusCode, response.json()]).toEqual([200, { applied: ['log.level'], waiting: ['relay.ports'] }]);
    for (const kind of ['reloaded', 'unchanged'] as const) {
      daemon.reload = { ok: true, applied: [], waiting: [], certificate: { kind, expiresAt: now } };
      const certificate = { status: kind, expiresAt: '2023-11-14T22:13:20.000Z' };
      expect((await reload()).json()).toEqual({ applied: [], waiting: [], certificate });
    }
  });

  it('says why the certificate from before stays in use', async () => {
    const certificate = { kind: 'refused', why: 'the key is another one', expiresAt: now } as const;
    daemon.reload = { ok: true, applied: ['log.level'], waiting: [], certificate };
    const response = await reload();
    const problem = 'The certificate from before stays in use, because the key is another one.';
    expect(response.statusCode).toBe(422);
    expect(response.json().error).toEqual({
      code: 'reload_refused',
      message: `${problem} These settings are in use all the same: log.level.`,
      problems: [problem],
    });
  });

  it('names every problem of a file that changes nothing', async () => {
    daemon.reload = { ok: false, problems: ['t.yaml:3 a: wrong', 't.yaml:9 b: wrong'] };
    const response = await reload();
    expect(response.statusCode).toBe(422);
    expect(response.json().error).toEqual({
      code: 'reload_refused',
      message: 'Nothing was changed: t.yaml:3 a: wrong; t.yaml:9 b: wrong',
      problems: ['t.yaml:3 a: wrong', 't.yaml:9 b: wrong'],
    });
  });
});

describe('the routes of operators', () => {
  it.each([
    ['POST', '/v1/reload'],
    ['POST', '/v1/drain'],
    ['GET', '/v1/status'],
  ] as const)('%s %s needs a key for the whole server', async (method, url) => {
    expect(await daemon.refusal(method, url, daemon.key(['issue']))).toBe('403 insufficient_scope');
    expect(await daemon.refusal(method, url, tenant)).toBe('403 insufficient_scope');
    expect(await daemon.refusal(method, url)).toBe('401 unauthorized');
    expect(daemon.drains).toBe(0);
  });

  it('are in the audit log', async () => {
    daemon.reload = { ok: true, applied: ['log.level'], waiting: [] };
    await daemon.ask('POST', '/v1/reload', admin);
    await daemon.ask('POST', '/v1/drain', admin);
    await daemon.ask('POST', '/v1/drain', tenant);
    const entry = { by: admin.id, via: 'http', from: '127.0.0.1' };
    expect(daemon.audited).toEqual([
      { ...entry, action: 'reload', details: { applied: ['log.level'], waiting: [] } },
      { ...entry, action: 'drain' },
      { ...entry, by: tenant.id, action: 'drain', refused: 'insufficient_scope' },
    ]);
  });
});
