import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeDaemon, sharedSecret, type TestKey } from '../../test/api/fake-daemon.ts';
import { timeLimitedPassword } from '../credentials/time-limited-username.ts';

const sid = 'ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';

let daemon: FakeDaemon;
let key: TestKey;

beforeEach(() => {
  daemon = new FakeDaemon();
  key = daemon.key(['issue']);
});
afterEach(() => daemon.service.close());

/** As the libraries of Twilio write it, and `curl -X POST --data-urlencode "Ttl=…" -u user:password`. */
function post(fields = '', user = sid, password = key.key, account = sid) {
  return daemon.service.inject({
    method: 'POST',
    url: `/2010-04-01/Accounts/${account}/Tokens.json`,
    headers: {
      authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    },
    payload: fields,
  });
}

describe('a token', () => {
  it('has the fields that Twilio documents, with their types', async () => {
    const response = await post('Ttl=600');
    expect(response.statusCode).toBe(201);
    expect(response.headers['cache-control']).toBe('no-store');
    const { username } = response.json();
    const password = timeLimitedPassword(sharedSecret, username);
    const relay = (transport: string) => `turn:turn.example.org:3478?transport=${transport}`;
    const server = (url: string) => ({ url, urls: url, username, credential: password });
    expect(response.json()).toEqual({
      account_sid: sid,
      date_created: 'Tue, 14 Nov 2023 22:13:20 +0000',
      date_updated: 'Tue, 14 Nov 2023 22:13:20 +0000',
      ice_servers: [
        { url: 'stun:turn.example.org:3478', urls: 'stun:turn.example.org:3478' },
        server(relay('udp')),
        server(relay('tcp')),
      ],
      password,
      ttl: '600',
      username,
    });
    expect(username).toMatch(/^1700000600:[\w-]{16}##/);
  });

  it('is good for a day when nothing else is asked for, or for as long as the key may have', async () => {
    expect((await post()).json().ttl).toBe('86400');
    const short = daemon.key(['issue'], { maxTtlSeconds: 1800 });
    expect((await post('', sid, short.key)).json().ttl).toBe('1800');
    expect((await post('Ttl=3600', sid, short.key)).statusCode).toBe(400);
  });

  it('needs no body', async () => {
    const headers = { authorization: `Basic ${Buffer.from(`${sid}:${key.key}`).toString('base64')}` };
    const response = await daemon.service.inject({
      method: 'POST',
      url: `/2010-04-01/Accounts/${sid}/Tokens.json`,
      headers,
    });
    expect(response.statusCode).toBe(201);
  });
});

describe('the key', () => {
  it('is its id as user with its secret as password, or the whole of it as password', async () => {
    const [id, secret] = key.key.split('.');
    expect((await post('', id, secret)).statusCode).toBe(201);
    expect((await post('', 'anybody', key.key)).statusCode).toBe(201);
  });

  it.each([
    ['wrong secret', () => post('', key.id, 'wrong')],
    ['wrong id', () => post('', 'wrong', key.key.split('.')[1])],
    ['bearer', () => daemon.ask('POST', `/2010-04-01/Accounts/${sid}/Tokens.json`, key)],
  ])('is refused as Twilio does it: %s', async (_, ask) => {
    const response = await ask();
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toMatch(/^Basic /);
    expect(response.json()).toEqual({
      code: 20_003,
      message: expect.any(String),
      more_info: 'https://www.twilio.com/docs/errors/20003',
      status: 401,
    });
  });
});

describe('errors', () => {
  it.each([
    ['Ttl=30', 400],
    ['Ttl=90000', 400],
    ['Ttl=1h', 400],
    ['Ttl=', 400],
    ['Ttl=600&Ttl=600', 400],
    ['Color=red', 400],
    [`Ttl=${'0'.repeat(5000)}`, 413],
  ])('to %.20s have the shape of Twilio', async (fields, status) => {
    const response = await post(fields);
    expect(response.statusCode).toBe(status);
    expect(response.json()).toMatchObject({ code: 20_000 + status, status, more_info: expect.any(String) });
  });

  it('say that the key has not the scope, and that the store is gone', async () => {
    expect((await post('', sid, daemon.key(['read']).key)).json()).toMatchObject({ code: 20_403, status: 403 });
    daemon.storeIsDown = true;
    expect((await post()).json()).toMatchObject({ code: 20_503, status: 503 });
  });
});
