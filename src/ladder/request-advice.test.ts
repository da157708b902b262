import { describe, expect, it } from 'vitest';
import { address } from '../../test/client/scripted-socket.ts';
import { parseIceUrl } from '../client/ice-url.ts';
import type { RequestFailure } from '../client/request-failure.ts';
import { ErrorCode } from '../stun/protocol.ts';
import { type AdviceContext, adviseOnRequest } from './request-advice.ts';
import { rungNames } from './rung.ts';

const url = parseIceUrl('turn:turn.example.org');
if (!url.ok) throw new Error(url.error.reason);
const context: AdviceContext = { server: address('192.0.2.1', 3478), url: url.value, unixNow: 1_800_000_000 };
const given = (username: string, source: 'password' | 'shared-secret' = 'password') => ({
  credentials: { username, password: 'secret', source },
});

function refusal(code: number, authenticated = true): RequestFailure {
  return { kind: 'error-response', code, reason: '', authenticated };
}

describe('a 401', () => {
  const cases: [string, boolean, Partial<AdviceContext>, string, RegExp][] = [
    ['without credentials', false, {}, 'credentials_missing', /--secret-file/],
    ['with a password', true, given('alice'), 'wrong_credentials', /username or the password/],
    ['with a secret', true, given('1800000600:a', 'shared-secret'), 'wrong_secret', /its secret is another one/],
    ['with an expired username', true, given('1700000000:a'), 'credentials_expired', /2023-11-14T22:13:20Z/],
    ['with a username not yet expired', true, given('1800000600:a'), 'wrong_credentials', /has not expired/],
    ['with an absurd timestamp', true, given('999999999999999:a'), 'wrong_credentials', /has not expired/],
  ];
  it.each(cases)('%s', (_what, authenticated, more, code, says) => {
    const advice = adviseOnRequest('allocate', refusal(401, authenticated), { ...context, ...more });
    expect(advice.code).toBe(code);
    expect(`${advice.cause} ${advice.fix}`).toMatch(says);
  });
});

it('has a cause and a fix, each a sentence, for every failure at every step', () => {
  const failures: RequestFailure[] = [
    { kind: 'timeout', sends: 4, waitedMs: 3750 },
    { kind: 'unreachable', code: 'ECONNREFUSED' },
    { kind: 'unreachable', code: 'ENETUNREACH' },
    { kind: 'connection-failed', error: { kind: 'lost', code: 'ECONNRESET', message: '' } },
    { kind: 'connection-failed', error: { kind: 'not-stun', code: 'NOT_STUN', message: '', speaks: 'http' } },
    { kind: 'integrity-violated', claimed: undefined },
    { kind: 'integrity-violated', claimed: { code: 401, reason: '' } },
    { kind: 'bid-down' },
    { kind: 'no-supported-algorithm', offered: [9] },
    { kind: 'stale-nonce-loop', attempts: 4 },
    { kind: 'malformed-response', missing: 0x16 },
    { kind: 'channels-exhausted' },
    { kind: 'closed' },
    ...[...Object.values(ErrorCode), 699].map((code) => refusal(code)),
  ];
  for (const rung of rungNames) {
    for (const failure of failures) {
      const { code, cause, fix } = adviseOnRequest(rung, failure, context);
      expect(code).toMatch(/^[a-z_]+$/);
      expect(cause).toMatch(/^\S.*\.$/);
      expect(fix).toMatch(/^[A-Z].*\.$/);
    }
  }
});

it('names what is special about 403 and 486 by step', () => {
  expect(adviseOnRequest('permission', refusal(403), context).code).toBe('peer_forbidden');
  expect(adviseOnRequest('allocate', refusal(403), context).code).toBe('forbidden');
});
