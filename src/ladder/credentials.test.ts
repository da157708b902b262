import { describe, expect, it } from 'vitest';
import { problemOf, rungOf, ScriptedLadder, warningsOf } from '../../test/client/scripted-ladder.ts';
import { credentials, ScriptedTurnServer } from '../../test/client/scripted-turn-server.ts';
import { adviseOnWrongCredentials, credentialWarnings, expiryOf, inWords } from './credentials.ts';

const now = 1_800_000_000;
const given = (username: string, password = 'secret') => ({ username, password, source: 'password' as const });

describe('a credential that is taken', () => {
  it.each<[string, string[]]>([
    [`${now + 3600}:bob`, []],
    [`${now + 600}:bob`, ['credentials_expire_soon']],
    [`bob:${now + 600}`, ['credentials_expire_soon']],
    [`${now - 3600}:bob`, ['expired_credentials_taken']],
    [`${now * 1000}:bob`, ['credentials_never_expire']],
    ['bob', []],
    ['1001', []],
  ])('%s', (username, codes) => {
    expect(credentialWarnings(given(username), now).map(({ code }) => code)).toEqual(codes);
  });

  it('was made for the check: that it is short-lived is no news', () => {
    expect(credentialWarnings({ ...given(`${now + 600}:bob`), source: 'shared-secret' }, now)).toEqual([]);
  });

  it('says how long it is good for', () => {
    const [warning] = credentialWarnings(given(`${now + 540}:bob`), now);
    expect(warning!.cause).toMatch(/good for another 9 minutes only, until 2027-01-15T08:09:00Z/);
  });

  it('has its end among the facts', async () => {
    const ladder = new ScriptedLadder();
    ladder.credentials = given(`${now + 600}:bob`, credentials.password);
    for (const server of ladder.servers) server.username = ladder.credentials.username;
    const report = await ladder.climb();
    expect(rungOf(report, 'allocate').facts).toMatchObject({ credentialExpiresAt: now + 600 });
    expect(warningsOf(report)).toEqual([['allocate', 'credentials_expire_soon']]);
  });
});

describe('a credential that is refused', () => {
  it.each<[string, string, RegExp]>([
    [' bob', 'sesame', /The username begins with a blank\./],
    ['bob', 'sesame\u00a0', /The password holds a no-break space/],
    ['bob\n', '"sesame"', /The username holds a line end\. The password is in quotation marks\./],
    [`${now + 600}:bob`, 'qL7 Zk1c0Xx9dS0l2mBf5pQe7fo=', /every plus became a blank/],
    [`${now + 600}:bob`, 'qL7+Zk1c0Xx9dS0l2mBf5pQe7fo', /lacks the equals sign/],
  ])('%j with %j is odd', (username, password, says) => {
    const { code, cause, fix } = adviseOnWrongCredentials(given(username, password), now);
    expect(code).toBe('odd_credentials');
    expect(cause).toMatch(says);
    expect(`${cause}${fix}`).not.toContain(password);
  });

  it('may have been made from a secret that is odd', () => {
    const made = {
      ...given(`${now + 600}:check`),
      source: 'shared-secret' as const,
      oddInSecret: ['ends with a blank'],
    };
    expect(adviseOnWrongCredentials(made, now)).toMatchObject({
      code: 'odd_credentials',
      cause: expect.stringContaining('The secret ends with a blank.'),
    });
  });

  it('says when it expired, even where it is odd too', () => {
    expect(adviseOnWrongCredentials(given(`${now - 7200}:bob`, ' x'), now)).toMatchObject({
      code: 'credentials_expired',
      cause: expect.stringMatching(/expired at 2027-01-15T06:00:00Z, 2 hours ago/),
    });
  });
});

describe('a shared secret whose credential is refused', () => {
  /** A server whose clock is ahead, and which takes the credentials of one secret. */
  async function check(aheadSeconds: number, ownSecret = 'right') {
    const ladder = new ScriptedLadder();
    const issued: number[] = [];
    const issue = (ttlSeconds: number) => {
      issued.push(ttlSeconds);
      return { username: `${now + ttlSeconds}:check`, password: 'right' };
    };
    ladder.credentials = { ...issue(600), source: 'shared-secret' };
    const serve = (server: ScriptedTurnServer) => {
      server.username = undefined;
      server.passwordOf = (username) => (expiryOf(username)! > now + aheadSeconds ? ownSecret : 'none is right');
      return server;
    };
    for (const server of ladder.servers) serve(server);
    ladder.further = () => ladder.socketTo(serve(new ScriptedTurnServer()));
    const report = await ladder.climb({}, { issueCredentials: issue });
    return { report, problem: problemOf(report), issued };
  }

  it('is right when the clock is an hour ahead', async () => {
    const { report, problem, issued } = await check(3600);
    expect(problem).toMatchObject({
      code: 'clock_skew',
      cause: expect.stringMatching(/refuses a credential that is good for 10 minutes and takes one for 70 minutes/),
    });
    expect(rungOf(report, 'allocate')).toMatchObject({ passed: false });
    expect(issued).toEqual([600, 4200]);
  });

  it('is right when the clock is in another time zone', async () => {
    const { problem, issued } = await check(9 * 3600);
    expect(problem).toMatchObject({ code: 'clock_skew', cause: expect.stringContaining('wrong time zone') });
    expect(issued).toEqual([600, 4200, 90_000]);
  });

  it('is wrong when none is taken, and no more than two are tried', async () => {
    const { problem, issued } = await check(0, 'another');
    expect(problem).toMatchObject({ code: 'wrong_secret' });
    expect(issued).toEqual([600, 4200, 90_000]);
  });

  it('is not tried again without a way to make credentials, nor is a password', async () => {
    const ladder = new ScriptedLadder();
    for (const server of ladder.servers) server.password = 'another';
    const issueCredentials = () => expect.unreachable();
    expect(problemOf(await ladder.climb({}, { issueCredentials }))).toMatchObject({ code: 'wrong_credentials' });
  });
});

it('says durations as people do', () => {
  expect([0, 1, 59, 60, 90, 600, 3600, 4200, 7200, 90_000, 86_400, 200_000].map(inWords)).toEqual([
    '0 seconds',
    '1 second',
    '59 seconds',
    '1 minute',
    '90 seconds',
    '10 minutes',
    '1 hour',
    '70 minutes',
    '2 hours',
    '25 hours',
    '1 day',
    '2 days',
  ]);
});
