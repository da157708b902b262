import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeDaemon, sharedSecret, type TestKey } from '../../test/api/fake-daemon.ts';
import { timeLimitedPassword } from '../credentials/time-limited-username.ts';

let daemon: FakeDaemon;
let key: TestKey;
let secret: string;

beforeEach(() => {
  daemon = new FakeDaemon();
  key = daemon.key(['issue', 'revoke']);
  secret = key.key.split('.')[1]!;
});
afterEach(() => daemon.service.close());

const path = (rest: string) => `/v1/turn/keys/${key.id}/credentials/${rest}`;

/** As `curl --header "Authorization: Bearer …" --header "Content-Type: application/json" --data '{"ttl": 86400}'`. */
function post(url: string, payload: object | undefined = { ttl: 86_400 }, token = secret) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  return daemon.service.inject({ method: 'POST', url, headers, payload: JSON.stringify(payload) });
}

const revoke = (url: string, token = secret) =>
  daemon.service.inject({ method: 'POST', url, headers: { authorization: `Bearer ${token}` } });

const turn = ['udp', 'tcp'].map((transport) => `turn:turn.example.org:3478?transport=${transport}`);

describe('credentials/generate-ice-servers', () => {
  it('answers as Cloudflare documents it', async () => {
    const response = await post(path('generate-ice-servers'));
    expect(response.statusCode).toBe(201);
    expect(response.headers['cache-control']).toBe('no-store');
    const { iceServers } = response.json();
    const { username } = iceServers[1];
    expect(username).toMatch(/^1700086400:[\w-]{16}##/);
    const credential = timeLimitedPassword(sharedSecret, username);
    expect(iceServers).toEqual([{ urls: ['stun:turn.example.org:3478'] }, { urls: turn, username, credential }]);
  });

  it('takes the identifier as the user, and the ttl of the server when none is given', async () => {
    const { iceServers } = (await post(path('generate-ice-servers'), { customIdentifier: 'user4523958' })).json();
    expect(iceServers[1].username).toBe(`1700003600:user4523958##${key.id}`);
  });

  it('takes the whole key as bearer too', async () => {
    expect((await post(path('generate-ice-servers'), {}, key.key)).statusCode).toBe(201);
  });
});

describe('credentials/generate', () => {
  it('answers with one object', async () => {
    const response = await post(path('generate'));
    expect(response.statusCode).toBe(201);
    const { username } = response.json().iceServers;
    expect(response.json()).toEqual({
      iceServers: {
        urls: ['stun:turn.example.org:3478', ...turn],
        username,
        credential: timeLimitedPassword(sharedSecret, username),
      },
    });
  });
});

describe('credentials/{username}/revoke', () => {
  it('revokes what was issued', async () => {
    const { username } = (await post(path('generate'))).json().iceServers;
    const response = await revoke(path(`${encodeURIComponent(username)}/revoke`));
    expect([response.statusCode, response.body]).toEqual([204, '']);
    expect([...daemon.revoked]).toEqual([username]);
  });

  it('revokes it for a client too that does not escape the username, of which a part is then not sent', async () => {
    const { username } = (await post(path('generate'))).json().iceServers;
    const { pathname, hash } = new URL(path(`${username}/revoke`), 'http://turn.example.org');
    expect(hash).not.toBe('');
    expect((await revoke(pathname)).statusCode).toBe(204);
    expect([...daemon.revoked]).toEqual([username]);
  });

  it('counts what has expired as revoked', async () => {
    expect((await revoke(path('1600000000%3Aalice/revoke'))).statusCode).toBe(204);
  });
});

describe('errors', () => {
  it('have the shape of Cloudflare', async () => {
    const refused = [
      await post(path('generate'), {}, 'wrong'),
      await post(path('generate'), {}, `other-id.${secret}`),
      await post(`/v1/turn/keys/other-id/credentials/generate`, {}, key.key),
      await post(`/v1/turn/keys/other-id/credentials/generate`),
      await post(path('generate'), { ttl: 1 }),
      await post(path('generate'), { ttl: '86400' }),
      await post(path('generate'), { ttl: 500, color: 'red' }),
      await revoke(path('nonsense/revoke')),
    ];
    expect(refused.map(({ statusCode }) => statusCode)).toEqual([401, 401, 401, 401, 400, 400, 400, 404]);
    for (const { statusCode, json } of refused) {
      const message = expect.any(String);
      const code = statusCode === 401 ? 10_000 : statusCode;
      expect(json()).toEqual({ success: false, errors: [{ code, message }], messages: [], result: null });
    }
  });

  it('say that the store is gone with 503', async () => {
    daemon.storeIsDown = true;
    expect((await post(path('generate'))).statusCode).toBe(503);
    const response = await revoke(path('1700003600%3Aalice/revoke'));
    expect(response.statusCode).toBe(503);
    expect(response.body).not.toContain('hunter2');
  });
});
