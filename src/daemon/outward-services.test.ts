import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadConfiguration } from '../config/load-configuration.ts';
import type { Configuration } from '../config/settings.ts';
import type { Log } from '../telemetry/log.ts';
import { OutwardServices } from './outward-services.ts';

const nothing = () => {};
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing, setLevel: nothing } as unknown as Log;
const event = { kind: 'budget-reached', key: 'app', period: 'day', bytes: 1 } as const;
const candidate = { id: '1', username: '9:bob', user: 'bob', label: undefined, issuer: undefined } as const;
const question = { ...candidate, client: '192.0.2.1:1', transport: 'udp' } as const;

function configuration(more = ''): Configuration {
  const text = [
    'webhooks: { urls: ["http://hooks.example/"], secret: "c2VjcmV0IG9mIHdlYmhvb2tz" }',
    'admission: { url: "http://door.example/", secret: "c2VjcmV0IG9mIHRoZSBkb29y", cache: 1m }',
    more,
  ];
  const loaded = loadConfiguration({ file: 'test.yaml', text: text.join('\n'), environment: {} });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.configuration;
}

describe('the services of the operator, when the configuration is read again', () => {
  const fetched = vi.fn<(url: string) => Promise<Response>>();
  const to = (host: string) => fetched.mock.calls.filter(([url]) => url.includes(host)).length;
  let services: OutwardServices;

  beforeEach(() => {
    vi.stubGlobal('fetch', fetched);
    fetched.mockReset();
    services = new OutwardServices(configuration(), log);
  });
  afterEach(async () => {
    await services.close();
    vi.unstubAllGlobals();
  });

  it('keep what waits for a receiver that is away, unless they are others now', async () => {
    fetched.mockImplementation(async () => new Response('', { status: 500 }));
    services.tell(event);
    await vi.waitFor(() => expect(services.webhookFigures.retried).toBe(1));
    services.configure(configuration('limits: { allocations: 7 }'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(to('hooks')).toBe(1);
    expect(services.webhookFigures).toEqual({ delivered: 0, retried: 1, dropped: 0, queued: 1 });
  });

  it('remember what was allowed', async () => {
    fetched.mockImplementation(async () => new Response('{"allow":true}'));
    expect(await services.ask(question)).toBe(true);
    services.configure(configuration('limits: { allocations: 7 }'));
    expect(await services.ask(question)).toBe(true);
    expect(to('door')).toBe(1);
  });

  it('count on when the receivers are others', async () => {
    fetched.mockImplementation(async () => new Response(''));
    services.tell(event);
    await vi.waitFor(() => expect(services.webhookFigures.delivered).toBe(1));
    services.configure(configuration('log: { addresses: full }'));
    expect(services.webhookFigures.delivered).toBe(1);
    await vi.waitFor(() => expect(services.webhookFigures.queued).toBe(0));
    expect(services.webhookFigures.delivered).toBe(1);
  });
});
