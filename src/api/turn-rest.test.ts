import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeDaemon, sharedSecret, type TestKey } from '../../test/api/fake-daemon.ts';
import { timeLimitedPassword } from '../credentials/time-limited-username.ts';

let daemon: FakeDaemon;
let service: FakeDaemon['service'];
let issuer: TestKey;
let reader: TestKey;
let parameters: string;
let expected: object;

beforeEach(() => {
  daemon = new FakeDaemon();
  service = daemon.service;
  issuer = daemon.key(['issue']);
  reader = daemon.key(['read']);
  parameters = `service=turn&username=alice&key=${issuer.key}`;
  const username = `1700003600:alice##${issuer.id}`;
  expected = {
    username,
    password: timeLimitedPassword(sharedSecret, username),
    ttl: 3600,
    uris: ['turn:turn.example.org:3478?transport=udp', 'turn:turn.example.org:3478?transport=tcp'],
  };
});
afterEach(() => service.close());

function form(fields: string, url = '/') {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return service.inject({ method: 'POST', url, headers, payload: fields });
}

async function errorOf(response: ReturnType<typeof form>) {
  const { statusCode, json } = await response;
  return `${statusCode} ${json().error.code}`;
}

describe('/?service=turn', () => {
  it('answers a GET', async () => {
    const response = await service.inject(`/?${parameters}`);
    expect(response.json()).toEqual(expected);
    expect(response.headers['cache-control']).toBe('no-store');
  });

  it('answers a POST with the parameters in the query, the body or both', async () => {
    expect((await form(parameters)).json()).toEqual(expected);
    expect((await form(parameters, `/?${parameters}`)).json()).toEqual(expected);
    expect((await form('', `/?${parameters}`)).json()).toEqual(expected);
    expect((await service.inject({ method: 'POST', url: `/?${parameters}` })).json()).toEqual(expected);
  });

  it('takes the key as api=, as both, or as a bearer', async () => {
    const { key } = issuer;
    expect((await service.inject(`/?service=turn&username=alice&api=${key}`)).json()).toEqual(expected);
    expect((await form(`service=turn&username=alice&api=${key}&key=${key}`)).json()).toEqual(expected);
    const headers = { authorization: `Bearer ${key}` };
    expect((await service.inject({ url: '/?service=turn&username=alice', headers })).json()).toEqual(expected);
  });

  it('takes a random user when none is named', async () => {
    expect((await service.inject(`/?service=turn&username=&key=${issuer.key}`)).statusCode).toBe(200);
    expect((await service.inject(`/?service=turn&key=${issuer.key}`)).json().username).toMatch(/:[A-Za-z0-9_-]{16}##/);
  });

  it.each([
    ['/', '400 unsupported_service'],
    ['/?service=stun&key=ISSUER', '400 unsupported_service'],
    ['/?service=turn&username=alice', '401 unauthorized'],
    ['/?service=turn&key=wrong', '401 unauthorized'],
    ['/?service=turn&key=READER', '403 insufficient_scope'],
    ['/?service=turn&key=ISSUER&api=other', '400 invalid_request'],
    ['/?service=turn&key=ISSUER&key=ISSUER', '400 invalid_request'],
    ['/?service=turn&key=ISSUER&color=red', '400 invalid_request'],
    ['/?service=turn&username=a:b&key=ISSUER', '400 invalid_user'],
  ])('refuses %s', async (url, expectedError) => {
    const asked = url.replaceAll('ISSUER', issuer.key).replace('READER', reader.key);
    expect(await errorOf(service.inject(asked))).toBe(expectedError);
  });

  it('refuses a body that contradicts the query', async () => {
    expect(await errorOf(form('username=bob', `/?${parameters}`))).toBe('400 invalid_request');
    expect(await errorOf(form('constructor=1', `/?${parameters}`))).toBe('400 invalid_request');
  });
});

describe('a turn_rest_api request of Janus', () => {
  // src/turnrest.c of Janus 1.x: the parameters in the query, and for a POST all of them again as the body, with the media type
  // that libcurl gives it. The user is the id of the session.
  const request = (method: 'GET' | 'POST') => {
    const query = `service=turn&api=${issuer.key}&key=${issuer.key}&username=4129863544301312`;
    const headers = { 'user-agent': 'Janus/1.0', accept: '*/*' };
    return service.inject({
      method,
      url: `/?${query}`,
      headers: method === 'GET' ? headers : { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      ...(method === 'POST' && { payload: query }),
    });
  };

  it.each(['GET', 'POST'] as const)('gets what Janus reads of an answer to %s', async (method) => {
    const response = await request(method);
    expect(response.statusCode).toBe(200);
    const { username, password, ttl, uris } = response.json();
    expect([typeof username, typeof password, Number.isInteger(ttl)]).toEqual(['string', 'string', true]);
    // Janus takes apart `turn[s]:host[:port][?transport=…]`, and an empty list is an error to it.
    expect(uris).not.toEqual([]);
    for (const uri of uris) expect(uri).toMatch(/^turns?:[^:?]+:\d+\?transport=(udp|tcp)$/);
  });
});

describe('the audit log', () => {
  it('names the credential and the key, and no secret', async () => {
    await form(parameters);
    await form(parameters.replace('alice', 'a:b'));
    await form(parameters.replace(issuer.key, reader.key));
    const entry = { action: 'credential-issued', via: 'http', from: '127.0.0.1' };
    expect(daemon.audited).toEqual([
      {
        ...entry,
        by: issuer.id,
        subject: `1700003600:alice##${issuer.id}`,
        details: { user: 'alice', ttlSeconds: 3600 },
      },
      { ...entry, by: issuer.id, details: { user: 'a:b' }, refused: 'invalid_user' },
      { ...entry, by: reader.id, refused: 'insufficient_scope' },
    ]);
    expect(JSON.stringify(daemon.audited)).not.toContain(issuer.key);
  });
});
