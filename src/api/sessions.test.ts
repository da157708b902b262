import { randomBytes } from 'node:crypto';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiKeys, type ApiScope, createApiKey } from '../credentials/api-keys.ts';
import type { SessionQuery, SessionSummary } from '../turn/session-summary.ts';
import { instant, unixSeconds } from '../turn/time.ts';
import { createHttpService } from './http-service.ts';

const now = unixSeconds(1_700_000_000);
const key = (scopes: readonly ApiScope[]) => createApiKey({ name: 'test', scopes, now, randomBytes });
const issuer = key(['issue']);
const reader = key(['read']);
const admin = key(['admin']);

const session = (id: string, label?: string): SessionSummary => ({
  id,
  user: 'alice',
  label,
  client: '192.0.2.7:5000',
  transport: 'udp',
  relayed: ['198.51.100.1:50000', '[2001:db8::1]:50001'],
  createdAt: now,
  expiresAt: unixSeconds(now + 600),
  permissions: 2,
  channels: 1,
  fromClient: { packets: 3, bytes: 480 },
  toClient: { packets: 4, bytes: 640 },
  server: 1,
});

let sessions: SessionSummary[];
let queries: SessionQuery[];
let service: FastifyInstance;

beforeEach(() => {
  sessions = ['a', 'b', 'c'].map((id) => session(id));
  queries = [];
  service = createHttpService({
    version: '1.2.3',
    apiKeys: new ApiKeys([issuer.stored, reader.stored, admin.stored]),
    issue: () => ({ ok: false, code: 'invalid_user', message: 'Nothing is issued here.' }),
    offeredUrls: () => [],
    reload: () => ({}),
    sessions: async (query) => {
      queries.push(query);
      return sessions.filter(({ id }) => id > (query.after ?? '')).slice(0, query.limit);
    },
    session: async (id) => sessions.find((one) => one.id === id),
    endSession: async (id) => {
      const before = sessions.length;
      sessions = sessions.filter((one) => one.id !== id);
      return sessions.length < before;
    },
    drain: () => {},
    plane: () => ({ name: 'dgram', why: 'It was configured.', workers: 0 }),
    readiness: () => ({ ready: true }),
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
    monotonicNow: () => instant(0),
  });
});
afterEach(() => service.close());

function ask(url: string, { key: presented } = reader, method: InjectOptions['method'] = 'GET') {
  return service.inject({ method: method!, url, headers: { authorization: `Bearer ${presented}` } });
}

async function codeOf(response: ReturnType<typeof ask>): Promise<string> {
  const { statusCode, json } = await response;
  return `${statusCode} ${json().error.code}`;
}

describe('GET /v1/sessions', () => {
  it('shows live allocations with their traffic', async () => {
    sessions = [session('a', 'room-7')];
    expect((await ask('/v1/sessions')).json()).toEqual({
      sessions: [
        {
          id: 'a',
          user: 'alice',
          label: 'room-7',
          client: '192.0.2.7:5000',
          transport: 'udp',
          relayed: ['198.51.100.1:50000', '[2001:db8::1]:50001'],
          createdAt: '2023-11-14T22:13:20.000Z',
          expiresAt: '2023-11-14T22:23:20.000Z',
          permissions: 2,
          channels: 1,
          fromClient: { packets: 3, bytes: 480 },
          toClient: { packets: 4, bytes: 640 },
          server: 1,
        },
      ],
    });
  });

  it('asks for those of a user and a label, and never for all of them', async () => {
    await ask('/v1/sessions?user=alice&label=room-7');
    expect(queries).toEqual([{ user: 'alice', label: 'room-7', after: undefined, limit: 101 }]);
  });

  it('goes on page by page to the last one', async () => {
    const first = (await ask('/v1/sessions?limit=2')).json();
    expect(first.sessions.map(({ id }: { id: string }) => id)).toEqual(['a', 'b']);
    expect(first.next).toBe('b');
    const second = (await ask(`/v1/sessions?limit=2&cursor=${first.next}`)).json();
    expect(second.sessions.map(({ id }: { id: string }) => id)).toEqual(['c']);
    expect(second).not.toHaveProperty('next');
  });

  it('has no further page when the last one is just full', async () => {
    expect((await ask('/v1/sessions?limit=3')).json()).not.toHaveProperty('next');
  });

  it.each(['limit=0', 'limit=1001', 'limit=-1', 'limit=1e2', 'limit=', 'color=red', 'user=a&user=b'])(
    'refuses ?%s',
    async (query) => {
      expect(await codeOf(ask(`/v1/sessions?${query}`))).toBe('400 invalid_request');
      expect(queries).toEqual([]);
    },
  );

  it('takes a limit of 1000', async () => {
    expect((await ask('/v1/sessions?limit=1000')).statusCode).toBe(200);
  });
});

describe('GET /v1/sessions/{id}', () => {
  it('shows one of them, and says when there is none', async () => {
    expect((await ask('/v1/sessions/b')).json()).toMatchObject({ id: 'b', user: 'alice' });
    expect(await codeOf(ask('/v1/sessions/x'))).toBe('404 not_found');
  });
});

describe('DELETE /v1/sessions/{id}', () => {
  it('ends it once', async () => {
    const response = await ask('/v1/sessions/b', admin, 'DELETE');
    expect(response.statusCode).toBe(204);
    expect(response.body).toBe('');
    expect(sessions.map(({ id }) => id)).toEqual(['a', 'c']);
    expect(await codeOf(ask('/v1/sessions/b', admin, 'DELETE'))).toBe('404 not_found');
  });

  it('takes a content type although there is no content', async () => {
    const headers = { authorization: `Bearer ${admin.key}`, 'content-type': 'application/json' };
    expect((await service.inject({ method: 'DELETE', url: '/v1/sessions/b', headers })).statusCode).toBe(204);
  });
});

describe('the key', () => {
  it.each([
    ['GET', '/v1/sessions', issuer, '403 insufficient_scope'],
    ['GET', '/v1/sessions/a', issuer, '403 insufficient_scope'],
    ['DELETE', '/v1/sessions/a', reader, '403 insufficient_scope'],
    ['DELETE', '/v1/sessions/a', { key: 'nonsense' }, '401 unauthorized'],
  ] as const)('of %s %s needs the scope', async (method, url, presented, expected) => {
    expect(await codeOf(ask(url, presented as typeof admin, method))).toBe(expected);
    expect(sessions).toHaveLength(3);
  });
});
