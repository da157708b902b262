import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeDaemon, type TestKey } from '../../test/api/fake-daemon.ts';
import type { Usage } from '../store/store.ts';

let daemon: FakeDaemon;
let reader: TestKey;
let tenant: TestKey;

beforeEach(() => {
  daemon = new FakeDaemon();
  reader = daemon.key(['read']);
  tenant = daemon.key(['read'], { userPrefix: 'acme-' });
});
afterEach(() => daemon.service.close());

const counted = { fromClientBytes: 1, fromClientPackets: 2, toClientBytes: 3, toClientPackets: 4, allocations: 5 };
const usage = (more: Partial<Usage>): Usage => ({
  day: '2026-11-23',
  key: '',
  user: 'alice',
  label: '',
  ...counted,
  ...more,
});

describe('GET /v1/usage', () => {
  it('shows what was relayed, by day, key, user and label', async () => {
    daemon.usage = [usage({}), usage({ key: 'key-1', user: 'bob', label: 'room-7' })];
    const shown = {
      day: '2026-11-23',
      fromClient: { packets: 2, bytes: 1 },
      toClient: { packets: 4, bytes: 3 },
      allocations: 5,
    };
    expect((await daemon.ask('GET', '/v1/usage', reader)).json()).toEqual({
      usage: [
        { ...shown, user: 'alice' },
        { ...shown, key: 'key-1', user: 'bob', label: 'room-7' },
      ],
      complete: true,
    });
  });

  it('asks for what is wanted', async () => {
    const query = 'from=2026-11-01&to=2026-11-30&user=bob&label=room-7&key=key-1&limit=7';
    await daemon.ask('GET', `/v1/usage?${query}`, reader);
    await daemon.ask('GET', '/v1/usage', reader);
    const [all, nothing] = daemon.usageQueries;
    const wanted = { user: 'bob', label: 'room-7', key: 'key-1', limit: 8 };
    expect(all).toEqual({ from: '2026-11-01', to: '2026-11-30', ...wanted });
    expect(nothing).toEqual({ key: undefined, limit: 1001 });
  });

  it('says when there is more than fits', async () => {
    daemon.usage = ['a', 'b', 'c'].map((user) => usage({ user }));
    const cut = (await daemon.ask('GET', '/v1/usage?limit=2', reader)).json();
    expect([cut.usage.length, cut.complete]).toEqual([2, false]);
    expect((await daemon.ask('GET', '/v1/usage?limit=3', reader)).json().complete).toBe(true);
  });

  it.each(['from=yesterday', 'to=2026-02-30', 'from=2026-11-02&to=2026-11-01', 'limit=0', 'limit=10001', 'color=red'])(
    'refuses ?%s',
    async (query) => {
      expect(await daemon.refusal('GET', `/v1/usage?${query}`, reader)).toBe('400 invalid_request');
      expect(daemon.usageQueries).toEqual([]);
    },
  );

  it('shows a key with a prefix its own', async () => {
    await daemon.ask('GET', '/v1/usage', tenant);
    await daemon.ask('GET', `/v1/usage?key=${tenant.id}`, tenant);
    expect(daemon.usageQueries.map(({ key }) => key)).toEqual([tenant.id, tenant.id]);
    expect(await daemon.refusal('GET', `/v1/usage?key=${reader.id}`, tenant)).toBe('403 foreign_user');
  });

  it('needs the scope read and the store', async () => {
    expect(await daemon.refusal('GET', '/v1/usage', daemon.key(['issue', 'admin']))).toBe('403 insufficient_scope');
    daemon.storeIsDown = true;
    expect(await daemon.refusal('GET', '/v1/usage', reader)).toBe('503 store_unavailable');
  });
});
