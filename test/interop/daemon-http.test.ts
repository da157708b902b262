import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allocate } from './relay-client.ts';
import { Taciturn } from './taciturn.ts';

describe('the HTTP service of a running daemon', () => {
  let daemon: Taciturn;
  beforeAll(async () => {
    daemon = await Taciturn.start();
  });
  afterAll(() => daemon?.stop());

  const get = (path: string, key?: string) =>
    fetch(daemon.http + path, key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } });

  async function proves(username: string, password: string): Promise<void> {
    const [client, allocation] = await allocate(daemon.port, { username, password });
    await allocation.close();
    client.close();
  }

  it('issues credentials that give a relay', async () => {
    const issued = await daemon.issueCredential({ user: 'bob', label: 'room-7', ttlSeconds: 120 });
    expect(issued.username).toMatch(/^\d+:bob#room-7#[\w-]{12}$/);
    expect(issued.ttlSeconds).toBe(120);
    const turn = issued.iceServers.find(({ username }) => username !== undefined)!;
    expect(turn.urls).toContain(`turn:127.0.0.1:${daemon.port}?transport=udp`);
    await proves(turn.username!, turn.credential!);
  });

  it('issues them as draft-uberti-behave-turn-rest-00 has it', async () => {
    const answer = await daemon.fetch('/?service=turn&username=bob');
    expect(answer.status).toBe(200);
    const body = (await answer.json()) as { username: string; password: string; ttl: number; uris: string[] };
    expect(body).toMatchObject({
      ttl: 3600,
      uris: ['udp', 'tcp'].map((transport) => `turn:127.0.0.1:${daemon.port}?transport=${transport}`),
    });
    await proves(body.username, body.password);
  });

  // Three times three: more than ten in a minute get 429.
  it.each(['wrong', '.', 'constructor.constructor'])('refuses the key %j', async (key) => {
    const refused = [
      await get('/?service=turn&username=bob', key),
      await get(`/?service=turn&username=bob&key=${key}`),
      await fetch(`${daemon.http}/v1/credentials`, { method: 'POST', headers: { authorization: `Bearer ${key}` } }),
    ];
    for (const answer of refused) {
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ error: { code: 'unauthorized' } });
    }
  });

  it('says without a key whether it lives, whether it is ready, what it can do and what it has done', async () => {
    expect(await (await get('/healthz')).json()).toEqual({
      status: 'ok',
      plane: { name: daemon.report.plane, why: daemon.report.planeWhy, workers: daemon.report.workers },
    });
    expect(await (await get('/readyz')).json()).toEqual({ status: 'ready' });
    const { openapi, paths } = (await (await get('/openapi.json')).json()) as { openapi: string; paths: object };
    expect(openapi).toMatch(/^3\./);
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['/', '/healthz', '/readyz', '/metrics', '/v1/credentials']),
    );
    expect(await (await get('/metrics')).text()).toMatch(/^taciturn_allocations 0$/m);
  });
});
