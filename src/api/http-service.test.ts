import { type AddressInfo, connect } from 'node:net';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeDaemon, plane, sharedSecret as secret, type TestKey } from '../../test/api/fake-daemon.ts';
import { timeLimitedPassword } from '../credentials/time-limited-username.ts';

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
});
afterEach(() => service.close());

const turnUrls = ['udp', 'tcp'].map((transport) => `turn:turn.example.org:3478?transport=${transport}`);
const bearer = (presented: string) => ({ authorization: `Bearer ${presented}` });

function post(payload?: InjectOptions['payload'], headers: Record<string, string> = bearer(issuer.key)) {
  return service.inject({
    method: 'POST',
    url: '/v1/credentials',
    headers,
    ...(payload === undefined ? {} : { payload }),
  });
}

async function errorOf(response: Promise<{ statusCode: number; json: () => unknown }>) {
  const { statusCode, json } = await response;
  const body = json() as { error: { code: string; message: string } };
  expect(Object.keys(body)).toEqual(['error']);
  expect(Object.keys(body.error).sort()).toEqual(['code', 'message']);
  return `${statusCode} ${body.error.code}`;
}

describe('POST /v1/credentials', () => {
  it('issues a credential as iceServers', async () => {
    const response = await post({ user: 'alice', label: 'room', ttlSeconds: 600 });
    expect(response.statusCode).toBe(201);
    expect(response.headers['cache-control']).toBe('no-store');
    const username = `1700000600:alice#room#${issuer.id}`;
    const credential = timeLimitedPassword(secret, username);
    expect(response.json()).toEqual({
      iceServers: [{ urls: ['stun:turn.example.org:3478'] }, { urls: turnUrls, username, credential }],
      username,
      credential,
      ttlSeconds: 600,
      expiresAt: '2023-11-14T22:23:20.000Z',
    });
  });

  it('needs nothing in the body, nor a body', async () => {
    expect((await post({})).json().ttlSeconds).toBe(3600);
    expect((await post()).json().username).toMatch(/^1700003600:[A-Za-z0-9_-]{16}##/);
  });

  it.each([
    [{ user: 'a', color: 'red' }, '400 invalid_request'],
    [{ user: 1 }, '400 invalid_request'],
    [{ user: '' }, '400 invalid_request'],
    [{ ttlSeconds: '600' }, '400 invalid_request'],
    [{ ttlSeconds: 1.5 }, '400 invalid_request'],
    [[], '400 invalid_request'],
    [{ user: 'a:b' }, '400 invalid_user'],
    [{ label: 'a#b' }, '400 invalid_label'],
    [{ ttlSeconds: 30 }, '400 invalid_ttl'],
    [{ ttlSeconds: 90_000 }, '400 invalid_ttl'],
    [{ user: 'x'.repeat(5000) }, '413 body_too_large'],
  ])('refuses %j with %s', async (body, expected) => {
    expect(await errorOf(post(body))).toBe(expected);
  });

  it.each([
    ['{"user":', 'application/json', '400 malformed_json'],
    ['', 'application/json', '400 malformed_json'],
    ['{"__proto__":{"user":"a"}}', 'application/json', '400 malformed_json'],
    ['<a/>', 'application/xml', '415 unsupported_media_type'],
    ['user=alice', 'application/x-www-form-urlencoded', '415 unsupported_media_type'],
  ])('refuses %j as %s', async (payload, type, expected) => {
    expect(await errorOf(post(payload, { ...bearer(issuer.key), 'content-type': type }))).toBe(expected);
  });
});

describe('API keys', () => {
  it('are needed, with the scope of the route', async () => {
    expect(await errorOf(post({}, {}))).toBe('401 unauthorized');
    expect(await errorOf(post({}, bearer('nonsense')))).toBe('401 unauthorized');
    expect(await errorOf(post({}, { authorization: `Basic ${issuer.key}` }))).toBe('401 unauthorized');
    expect(await errorOf(post({}, bearer(reader.key)))).toBe('403 insufficient_scope');
  });

  it('get the same answer for an unknown id and a wrong secret', async () => {
    const unknown = await post({}, bearer(`unknown-id12.${issuer.key.split('.')[1]}`));
    const wrong = await post({}, bearer(`${issuer.id}.${reader.key.split('.')[1]}`));
    expect([unknown.statusCode, unknown.body, unknown.headers['www-authenticate']]).toEqual([
      wrong.statusCode,
      wrong.body,
      wrong.headers['www-authenticate'],
    ]);
  });

  it('are checked before the body is looked at', async () => {
    expect(await errorOf(post('{', { 'content-type': 'application/json' }))).toBe('401 unauthorized');
  });

  it('that are wrong too often from one address are told to wait, and right ones still pass', async () => {
    for (let i = 0; i < 10; i++) expect((await post({}, bearer('wrong'))).statusCode).toBe(401);
    const limited = await post({}, { ...bearer('wrong'), 'x-forwarded-for': '192.0.2.77' });
    expect(limited.statusCode).toBe(429);
    expect(limited.headers['retry-after']).toBe('6');
    expect((await post({})).statusCode).toBe(201);
    const elsewhere = { method: 'POST', url: '/v1/credentials', remoteAddress: '192.0.2.1' } as const;
    expect((await service.inject(elsewhere)).statusCode).toBe(401);
    daemon.milliseconds = 6_000;
    expect((await post({}, bearer('wrong'))).statusCode).toBe(401);
  });

  it('do not appear in errors, nor in what is reported about answers', async () => {
    const response = await service.inject(`/?service=turn&username=a:b&key=${issuer.key}`);
    expect(response.statusCode).toBe(400);
    expect(response.body).not.toContain(issuer.key);
    expect(JSON.stringify(daemon.answers)).not.toContain(issuer.key);
    expect(daemon.answers).toMatchObject([
      { method: 'GET', route: '/', status: 400, client: '127.0.0.1', keyId: issuer.id },
    ]);
  });
});

describe('health and metrics', () => {
  it('need no key', async () => {
    expect((await service.inject('/healthz')).json()).toEqual({ status: 'ok', plane });
    expect((await service.inject('/readyz')).json()).toEqual({ status: 'ready' });
    const metrics = await service.inject('/metrics');
    expect(metrics.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(metrics.body).toBe('allocations 1\n');
  });

  it('say that the server is not ready, and why, while it is alive', async () => {
    daemon.readiness = { ready: false, reason: 'draining' };
    const response = await service.inject('/readyz');
    expect(response.statusCode).toBe(503);
    expect(response.json()).toEqual({ error: { code: 'not_ready', message: 'draining' } });
    expect((await service.inject('/healthz')).statusCode).toBe(200);
  });

  it('keep a fault of ours inside', async () => {
    daemon.metricsFault = new Error('the secret is 42');
    const response = await service.inject('/metrics');
    expect(response.statusCode).toBe(500);
    expect(response.body).not.toContain('42');
    expect(daemon.faults).toEqual([daemon.metricsFault]);
  });
});

describe('any other request', () => {
  it.each([
    ['GET', '/nothing', '404 not_found'],
    ['GET', '/v1/credentials', '405 method_not_allowed'],
    ['DELETE', '/', '405 method_not_allowed'],
    ['POST', '/healthz', '405 method_not_allowed'],
    ['GET', '/%zz', '400 invalid_request'],
  ] as const)('%s %s is %s', async (method, url, expected) => {
    expect(await errorOf(service.inject({ method, url }))).toBe(expected);
  });

  it('with the wrong method is told the right ones', async () => {
    expect((await service.inject('/v1/credentials')).headers.allow).toBe('POST');
    expect((await service.inject({ method: 'PUT', url: '/?x=1' })).headers.allow).toBe('GET, HEAD, POST');
  });

  it('that is no HTTP gets an error of the same shape', async () => {
    await service.listen({ host: '127.0.0.1', port: 0 });
    const { port } = service.server.address() as AddressInfo;
    const answer = await new Promise<string>((resolve) => {
      let received = '';
      const socket = connect(port, '127.0.0.1', () => socket.write('nonsense\r\n\r\n'));
      socket.on('data', (chunk) => {
        received += chunk;
      });
      socket.on('close', () => resolve(received));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(JSON.parse(answer.split('\r\n\r\n')[1]!)).toMatchObject({ error: { code: 'invalid_request' } });
  });
});

describe('/openapi.json', () => {
  it('describes every route with its scope and its errors', async () => {
    const document = (await service.inject('/openapi.json')).json();
    expect(document.openapi).toBe('3.1.0');
    expect(document.info.version).toBe('1.2.3');
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method} ${path}`),
    );
    expect(operations.sort()).toEqual([
      'delete /v1/credentials/{username}',
      'delete /v1/keys/{id}',
      'delete /v1/sessions/{id}',
      'delete /v1/users/{name}',
      'get /',
      'get /healthz',
      'get /metrics',
      'get /openapi.json',
      'get /readyz',
      'get /v1/keys',
      'get /v1/sessions',
      'get /v1/sessions/{id}',
      'get /v1/status',
      'get /v1/usage',
      'get /v1/users',
      'post /',
      'post /2010-04-01/Accounts/{sid}/Tokens.json',
      'post /v1/credentials',
      'post /v1/drain',
      'post /v1/keys',
      'post /v1/reload',
      'post /v1/turn/keys/{keyId}/credentials/generate',
      'post /v1/turn/keys/{keyId}/credentials/generate-ice-servers',
      'post /v1/turn/keys/{keyId}/credentials/{username}',
      'post /v1/turn/keys/{keyId}/credentials/{username}/revoke',
      'post /v1/users',
      'post /v1/users/{name}/restore',
      'post /v1/users/{name}/revoke',
      'put /v1/users/{name}',
    ]);
    const issue = document.paths['/v1/credentials'].post;
    expect(issue.security).toEqual([{ bearer: [] }]);
    expect(Object.keys(issue.responses)).toEqual(['201', '400', '403', '503', 'default']);
    expect(issue.requestBody.content['application/json'].schema.properties).toHaveProperty('ttlSeconds');
    expect(document.paths['/'].get.parameters.map(({ name }: { name: string }) => name)).toContain('api');
    expect(document.paths['/healthz'].get.security).toEqual([]);
    const { parameters, responses } = document.paths['/v1/sessions/{id}'].delete;
    expect(parameters).toMatchObject([{ name: 'id', in: 'path', required: true }]);
    expect(responses['204']).toEqual({ description: 'Success' });
    const twilio = document.paths['/2010-04-01/Accounts/{sid}/Tokens.json'].post;
    expect(twilio.security).toEqual([{ basic: [] }]);
    expect(Object.keys(twilio.requestBody.content)).toEqual(['application/x-www-form-urlencoded']);
    expect(Object.keys(document.components.securitySchemes)).toEqual(['bearer', 'basic', 'keyParameter']);
  });
});

describe('POST /v1/drain', () => {
  const ask = (presented: string) => service.inject({ method: 'POST', url: '/v1/drain', headers: bearer(presented) });

  it('begins to drain', async () => {
    const response = await ask(admin.key);
    expect(response.statusCode).toBe(202);
    expect(response.json()).toEqual({ status: 'draining' });
    expect(daemon.drains).toBe(1);
  });

  it('needs the scope admin', async () => {
    expect(await errorOf(ask(reader.key))).toBe('403 insufficient_scope');
    expect(daemon.drains).toBe(0);
  });
});
