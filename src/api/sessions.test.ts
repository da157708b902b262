import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeDaemon, session, type TestKey } from '../../test/api/fake-daemon.ts';

let daemon: FakeDaemon;
let service: FastifyInstance;
let issuer: TestKey;
let reader: TestKey;
let admin: TestKey;

beforeEach(() => {
  daemon = new FakeDaemon();
  service = daemon.service;
  issuer = daemon.key(['issue']);
  reader = daemon.key(['read']);
  admin = daemon.key(['admin']);
  daemon.sessions = ['a', 'b', 'c'].map((id) => session(id));
});
afterEach(() => service.close());

function ask(
  url: string,
  { key: presented } = reader as { readonly key: string },
  method: InjectOptions['method'] = 'GET',
) {
  return service.inject({ method: method!, url, headers: { authorization: `Bearer ${presented}` } });
}

async function codeOf(response: ReturnType<typeof ask>): Promise<string> {
  const { statusCode, json } = await response;
  return `${statusCode} ${json().error.code}`;
}

describe('GET /v1/sessions', () => {
  it('shows live allocations with their traffic', async () => {
    daemon.sessions = [session('a', { label: 'room-7' })];
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
    expect(daemon.sessionQueries).toEqual([
      { user: 'alice', userPrefix: undefined, label: 'room-7', after: undefined, limit: 101 },
    ]);
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
      expect(daemon.sessionQueries).toEqual([]);
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
    expect(daemon.sessions.map(({ id }) => id)).toEqual(['a', 'c']);
    expect(await codeOf(ask('/v1/sessions/b', admin, 'DELETE'))).toBe('404 not_found');
  });

  it('takes a content type although there is no content', async () => {
    const headers = { authorization: `Bearer ${admin.key}`, 'content-type': 'application/json' };
    expect((await service.inject({ method: 'DELETE', url: '/v1/sessions/b', headers })).statusCode).toBe(204);
  });
});

describe('the key', () => {
  it.each([
    ['GET', '/v1/sessions', () => issuer, '403 insufficient_scope'],
    ['GET', '/v1/sessions/a', () => issuer, '403 insufficient_scope'],
    ['DELETE', '/v1/sessions/a', () => reader, '403 insufficient_scope'],
    ['DELETE', '/v1/sessions/a', () => ({ key: 'nonsense' }), '401 unauthorized'],
  ] as const)('of %s %s needs the scope', async (method, url, presented, expected) => {
    expect(await codeOf(ask(url, presented(), method))).toBe(expected);
    expect(daemon.sessions).toHaveLength(3);
  });
});

describe('a key with a prefix for its users', () => {
  let tenant: TestKey;
  beforeEach(() => {
    tenant = daemon.key(['read', 'admin'], { userPrefix: 'acme-' });
    daemon.sessions.push(session('d', { user: 'acme-alice' }));
  });

  it('lists no more than theirs', async () => {
    await ask('/v1/sessions', tenant);
    expect(daemon.sessionQueries).toMatchObject([{ userPrefix: 'acme-' }]);
  });

  it('sees and ends no more than theirs', async () => {
    expect((await ask('/v1/sessions/d', tenant)).json().user).toBe('acme-alice');
    expect(await codeOf(ask('/v1/sessions/a', tenant))).toBe('404 not_found');
    expect(await codeOf(ask('/v1/sessions/a', tenant, 'DELETE'))).toBe('404 not_found');
    expect((await ask('/v1/sessions/d', tenant, 'DELETE')).statusCode).toBe(204);
    expect(daemon.sessions.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  });
});

describe('the audit log', () => {
  it('tells who ended what, and who was not allowed to', async () => {
    await ask('/v1/sessions/a', admin, 'DELETE');
    await ask('/v1/sessions/a', reader, 'DELETE');
    await ask('/v1/sessions/x', admin, 'DELETE');
    const entry = { action: 'session-ended', via: 'http', from: '127.0.0.1' };
    expect(daemon.audited).toEqual([
      { ...entry, by: admin.id, subject: 'a', details: { user: 'alice' } },
      { ...entry, by: reader.id, subject: 'a', refused: 'insufficient_scope' },
      { ...entry, by: admin.id, subject: 'x', refused: 'not_found' },
    ]);
  });
});
