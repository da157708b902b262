import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { longTermKey, PasswordAlgorithm } from '../stun/long-term-key.ts';
import { unixSeconds } from '../turn/time.ts';
import type { KeyLimits } from './api-keys.ts';
import { iceServers, offeredUrls } from './ice-servers.ts';
import { type CredentialRequest, issueCredential } from './issue.ts';
import { SharedSecretCredentials } from './shared-secret-credentials.ts';

const rules = {
  secret: 'a shared secret of ours',
  ttl: { defaultSeconds: 3600, minSeconds: 60, maxSeconds: 86_400 },
  now: unixSeconds(1_700_000_000),
  randomBytes,
};

function issued(request: CredentialRequest) {
  const result = issueCredential(request, rules);
  if (!result.ok) throw new Error(result.message);
  return result.credential;
}

describe('issuing a credential', () => {
  it('names the expiry, the user and the label', () => {
    expect(issued({ user: 'alice', label: 'room', ttlSeconds: 60 })).toMatchObject({
      username: '1700000060:alice#room',
      user: 'alice',
      ttlSeconds: 60,
      expiresAt: 1_700_000_060,
    });
    expect(issued({ user: 'alice' }).username).toBe('1700003600:alice');
  });

  it('takes a random user of 96 bits when none is named', () => {
    const { user } = issued({});
    expect(user).toMatch(/^[A-Za-z0-9_-]{16}$/);
    expect(issued({}).user).not.toBe(user);
  });

  it('gives what the server accepts', () => {
    const { username, password } = issued({ user: 'Zoë Ünal', label: 'Büro/3' });
    const [candidate] = new SharedSecretCredentials([rules.secret], 'realm').candidates(
      username,
      PasswordAlgorithm.md5,
    );
    expect(candidate).toEqual({
      user: 'Zoë Ünal',
      label: 'Büro/3',
      issuer: undefined,
      expiresAt: 1_700_003_600,
      key: longTermKey(PasswordAlgorithm.md5, username, 'realm', password),
    });
  });

  it.each([
    [{ user: '' }, 'invalid_user'],
    [{ user: 'a:b' }, 'invalid_user'],
    [{ user: 'a#b' }, 'invalid_user'],
    [{ user: 'a\nb' }, 'invalid_user'],
    [{ user: 'a\u200bb' }, 'invalid_user'],
    [{ user: ' a' }, 'invalid_user'],
    [{ user: 'a'.repeat(129) }, 'invalid_user'],
    [{ user: 'é'.repeat(65) }, 'invalid_user'],
    [{ user: 'a', label: 'b:c' }, 'invalid_label'],
    [{ label: 'a'.repeat(65) }, 'invalid_label'],
    [{ ttlSeconds: 59 }, 'invalid_ttl'],
    [{ ttlSeconds: 86_401 }, 'invalid_ttl'],
    [{ ttlSeconds: 90.5 }, 'invalid_ttl'],
    [{ ttlSeconds: Number.NaN }, 'invalid_ttl'],
  ])('refuses %j as %s and says what is allowed', (request, code) => {
    expect(issueCredential(request, rules)).toMatchObject({ ok: false, code, message: expect.stringMatching(/must/) });
  });

  it('takes the bounds themselves', () => {
    expect(issued({ user: 'a'.repeat(128), label: 'b'.repeat(64), ttlSeconds: 86_400 }).ttlSeconds).toBe(86_400);
    expect(issued({ ttlSeconds: 60 }).ttlSeconds).toBe(60);
  });
});

describe('a key', () => {
  const id = 'abcdefghi_-9';
  const by = (limits: KeyLimits, request: CredentialRequest = {}) =>
    issueCredential(request, { ...rules, issuer: { id, limits } });
  const credentialBy = (limits: KeyLimits, request: CredentialRequest = {}) => {
    const result = by(limits, request);
    if (!result.ok) throw new Error(result.message);
    return result.credential;
  };

  it('is named in what it issues', () => {
    expect(credentialBy({}, { user: 'alice', label: 'room' }).username).toBe(`1700003600:alice#room#${id}`);
    expect(credentialBy({}, { user: 'alice' }).username).toBe(`1700003600:alice##${id}`);
  });

  it('puts its prefix before every user, a random one too', () => {
    expect(credentialBy({ userPrefix: 'acme-' }, { user: 'alice' })).toMatchObject({ user: 'acme-alice' });
    expect(credentialBy({ userPrefix: 'acme-' }).user).toMatch(/^acme-[A-Za-z0-9_-]{16}$/);
    expect(by({ userPrefix: 'acme-' }, { user: 'a'.repeat(124) })).toMatchObject({ ok: false, code: 'invalid_user' });
    expect(credentialBy({ userPrefix: 'acme-' }, { user: 'a'.repeat(123) }).user).toHaveLength(128);
  });

  it('may allow a longer TTL than others, or a shorter one', () => {
    expect(credentialBy({ maxTtlSeconds: 100_000 }, { ttlSeconds: 100_000 }).ttlSeconds).toBe(100_000);
    expect(by({ maxTtlSeconds: 100 }, { ttlSeconds: 101 })).toMatchObject({ ok: false, code: 'invalid_ttl' });
    expect(credentialBy({ maxTtlSeconds: 100 }).ttlSeconds).toBe(100);
    expect(credentialBy({ maxTtlSeconds: 30 }).ttlSeconds).toBe(30);
  });
});

describe('iceServers', () => {
  const credential = { username: 'u', password: 'p' };

  it('give a credential to TURN and none to STUN', () => {
    expect(iceServers(offeredUrls('turn.example.org', { udp: [3478], tcp: [], tls: [] }), credential)).toEqual([
      { urls: ['stun:turn.example.org:3478'] },
      { urls: ['turn:turn.example.org:3478?transport=udp'], username: 'u', credential: 'p' },
    ]);
  });

  it('put IPv6 in brackets', () => {
    expect(offeredUrls('2001:db8::1', { udp: [3478], tcp: [], tls: [] })[0]).toBe('stun:[2001:db8::1]:3478');
  });

  it('have no entry without URLs', () => {
    expect(iceServers(['turn:a:1'], credential)).toHaveLength(1);
  });
});
