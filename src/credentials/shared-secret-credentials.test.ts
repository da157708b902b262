import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { longTermKey, PasswordAlgorithm } from '../stun/long-term-key.ts';
import { unixSeconds } from '../turn/time.ts';
import { CombinedCredentials } from './combined-credentials.ts';
import { SharedSecretCredentials } from './shared-secret-credentials.ts';
import { StaticUsers } from './static-users.ts';
import { formatTimeLimitedUsername, parseTimeLimitedUsername, timeLimitedPassword } from './time-limited-username.ts';

const { md5, sha256 } = PasswordAlgorithm;
const realm = 'example.org';

describe('the password of a time-limited credential', () => {
  it('is what other servers make of the same secret and username', () => {
    expect(timeLimitedPassword('north', '1266890800:mbzrxpgjys')).toBe('nbRcrnq5h6xXhyNhlwk+lDLvVVo=');
  });
});

describe('the username of a time-limited credential', () => {
  it.each([
    ['1700000000:alice', 1_700_000_000, 'alice', undefined],
    ['1700000000:alice#room 7', 1_700_000_000, 'alice', 'room 7'],
    ['1700000000:alice#a#b', 1_700_000_000, 'alice', 'a#b'],
    ['1700000000:a:b', 1_700_000_000, 'a:b', undefined],
    ['1700000000:1800000000', 1_700_000_000, '1800000000', undefined],
    ['alice:1700000000', 1_700_000_000, 'alice', undefined],
    ['1700000000', 1_700_000_000, '1700000000', undefined],
    ['1700000000:', 1_700_000_000, '1700000000:', undefined],
    ['1700000000:constructor', 1_700_000_000, 'constructor', undefined],
  ])('%j is read in its parts', (username, expiresAt, user, label) => {
    expect(parseTimeLimitedUsername(username)).toEqual({ expiresAt, user, label, issuer: undefined });
  });

  it.each([
    ['1700000000:alice#room 7#abcdefghi_-9', 'alice', 'room 7'],
    ['1700000000:alice##abcdefghi_-9', 'alice', undefined],
  ])('%j names the key that issued it', (username, user, label) => {
    const parts = { expiresAt: unixSeconds(1_700_000_000), user, label, issuer: 'abcdefghi_-9' };
    expect(parseTimeLimitedUsername(username)).toEqual(parts);
    expect(formatTimeLimitedUsername(parts)).toBe(username);
  });

  it.each([
    ['1700000000:alice#room#short', 'room#short'],
    ['1700000000:alice#a#b#abcdefghi_-9', 'a#b#abcdefghi_-9'],
    ['1700000000:alice#abcdefghi_-9', 'abcdefghi_-9'],
    ['1700000000:alice#', ''],
  ])('%j names none', (username, label) => {
    expect(parseTimeLimitedUsername(username)).toMatchObject({ user: 'alice', label, issuer: undefined });
  });

  it('is read back as it was written', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => text.replace(/[:#]/g, '+'));
    const id = fc.uint8Array({ minLength: 9, maxLength: 9 }).map((bytes) => Buffer.from(bytes).toString('base64url'));
    const nothing = fc.constant(undefined);
    const parts = fc.record({
      expiresAt: fc.integer({ min: 0, max: 2 ** 40 }).map(unixSeconds),
      user: name,
      label: fc.oneof(name, nothing),
      issuer: fc.oneof(id, nothing),
    });
    fc.assert(
      fc.property(parts, (given) => {
        expect(parseTimeLimitedUsername(formatTimeLimitedUsername(given))).toEqual(given);
      }),
    );
  });

  it('is not written with an issuer that could not be read back', () => {
    const parts = { expiresAt: unixSeconds(1), user: 'alice', label: undefined };
    for (const issuer of ['', 'a', 'a#b:cdefghi_-', 'abcdefghi_-9x']) {
      expect(() => formatTimeLimitedUsername({ ...parts, issuer })).toThrow('no id of an API key');
    }
  });

  it.each([
    '',
    ':',
    'alice',
    'alice:',
    'alice:bob',
    'a:b:1700000000',
    '-1:a',
    '1e9:a',
    ' 1700000000:a',
    '1'.repeat(16),
  ])('%j carries no timestamp', (username) => {
    expect(parseTimeLimitedUsername(username)).toBeUndefined();
  });

  it('may be any text without an error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (username) => {
        new SharedSecretCredentials(['a secret'], realm).candidates(username, md5);
      }),
    );
  });
});

describe('shared secrets', () => {
  const source = new SharedSecretCredentials(['first secret', 'second secret'], realm);

  it('give one candidate each, with the key of the algorithm asked for', () => {
    const username = '1700000000:alice#room';
    for (const algorithm of [md5, sha256]) {
      const keys = ['first secret', 'second secret'].map((secret) =>
        longTermKey(algorithm, username, realm, timeLimitedPassword(secret, username)),
      );
      expect(source.candidates(username, algorithm)).toEqual(
        keys.map((key) => ({ user: 'alice', label: 'room', issuer: undefined, expiresAt: 1_700_000_000, key })),
      );
    }
  });

  it('do not judge expiry', () => {
    expect(source.candidates('1:alice', md5)).toHaveLength(2);
  });

  it('know no username without a timestamp', () => {
    expect(source.candidates('alice', md5)).toEqual([]);
  });
});

describe('static users', () => {
  const users = new StaticUsers([{ name: 'user', password: 'pass' }], 'realm');

  it('have the long-term key of RFC 8489', () => {
    const [credential] = users.candidates('user', md5);
    expect(credential?.key.toString('hex')).toBe('8493fbc53ba582fb4c044c456bdc40eb');
    expect(credential).toMatchObject({ user: 'user', label: undefined, expiresAt: undefined });
    expect(users.candidates('user', sha256)[0]?.key).toEqual(longTermKey(sha256, 'user', 'realm', 'pass'));
  });

  it.each(['constructor', '__proto__', 'toString', 'User', ''])('that do not exist are not found: %j', (name) => {
    expect(users.candidates(name, md5)).toEqual([]);
  });

  it('of the store have their keys, in their realm only', () => {
    const keyOf = (algorithm: PasswordAlgorithm, name: string) =>
      longTermKey(algorithm, name, realm, 'pass').toString('hex');
    const stored = (name: string, sha256Key: string | undefined, of = realm) => ({
      name,
      realm: of,
      md5Key: keyOf(md5, name),
      sha256Key,
    });
    const some = new StaticUsers([{ name: 'both', password: 'configured' }], realm, [
      stored('both', keyOf(sha256, 'both')),
      stored('new', keyOf(sha256, 'new')),
      stored('old', undefined),
      stored('elsewhere', undefined, 'example.com'),
    ]);
    expect(some.candidates('new', sha256)[0]?.key).toEqual(longTermKey(sha256, 'new', realm, 'pass'));
    expect(some.candidates('old', md5)[0]?.key).toEqual(longTermKey(md5, 'old', realm, 'pass'));
    expect(some.candidates('old', sha256)).toEqual([]);
    expect(some.candidates('elsewhere', md5)).toEqual([]);
    expect(some.candidates('both', md5).map(({ key }) => key)).toEqual([longTermKey(md5, 'both', realm, 'configured')]);
  });

  it('are found however their letters with accents are written, by a key made from either form', () => {
    const [composed, decomposed] = ['zoë', 'zoe\u0308'];
    for (const name of [composed, decomposed]) {
      const some = new StaticUsers([{ name, password: 'pass' }], realm);
      for (const algorithm of [md5, sha256]) {
        const keys = some.candidates(composed, algorithm).map(({ key }) => key);
        expect(keys).toContainEqual(longTermKey(algorithm, composed, realm, 'pass'));
        expect(some.candidates(decomposed, algorithm)).toEqual(some.candidates(composed, algorithm));
      }
      expect(some.candidates(composed, md5)[0]?.user).toBe(name);
    }
    const asKept = new StaticUsers([{ name: decomposed, password: 'pass' }], realm);
    const keys = asKept.candidates(decomposed, md5).map(({ key }) => key);
    expect(keys).toContainEqual(longTermKey(md5, decomposed, realm, 'pass'));
    const stored = { name: composed, realm, md5Key: '00', sha256Key: undefined };
    expect(
      new StaticUsers([{ name: decomposed, password: 'pass' }], realm, [stored]).candidates(composed, md5),
    ).toEqual(asKept.candidates(composed, md5));
  });

  it('may be stored in both forms, by former versions', () => {
    const stored = ['zoë', 'zoe\u0308'].map((name) => ({
      name,
      realm,
      md5Key: longTermKey(md5, name, realm, 'pass').toString('hex'),
      sha256Key: undefined,
    }));
    const found = new StaticUsers([], realm, stored).candidates('zoë', md5);
    expect(found.map(({ key }) => key.toString('hex'))).toEqual(stored.map(({ md5Key }) => md5Key));
  });

  it('and shared secrets work side by side', () => {
    const both = new CombinedCredentials([
      new StaticUsers([{ name: '1700000000:alice', password: 'pass' }], realm),
      new SharedSecretCredentials(['first secret', 'second secret'], realm),
    ]);
    expect(both.candidates('1700000000:alice', md5)).toHaveLength(3);
    expect(both.candidates('1700000000:bob', md5)).toHaveLength(2);
  });
});
