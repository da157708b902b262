import { describe, expect, it } from 'vitest';
import { formatIceUrl, parseIceUrl } from '../../client/ice-url.ts';
import type { RungName } from '../../ladder/rung.ts';
import { otherWays, whyNotOffered } from './ways.ts';

const parsed = (text: string) => {
  const url = parseIceUrl(text);
  if (!url.ok) throw new Error(url.error.reason);
  return url.value;
};

describe('the other ways to a server', () => {
  it.each([
    [
      'turn:turn.example.org',
      ['turn:turn.example.org?transport=tcp', 'turns:turn.example.org', 'turns:turn.example.org:443'],
    ],
    [
      'turns:turn.example.org',
      ['turn:turn.example.org', 'turn:turn.example.org?transport=tcp', 'turns:turn.example.org:443'],
    ],
    [
      'turn:[2001:db8::1]:8000',
      [
        'turn:[2001:db8::1]',
        'turn:[2001:db8::1]:8000?transport=tcp',
        'turn:[2001:db8::1]?transport=tcp',
        'turns:[2001:db8::1]',
        'turns:[2001:db8::1]:443',
        'turns:[2001:db8::1]:8000',
      ],
    ],
    ['stun:192.0.2.1', ['stuns:192.0.2.1', 'stuns:192.0.2.1:443']],
  ])('of %s', (text, expected) => {
    expect(otherWays(parsed(text)).map(formatIceUrl).sort()).toEqual([...expected].sort());
  });
});

describe('a way that nobody promised', () => {
  const failing = (name: RungName, code: string) => ({
    passed: false,
    notTested: [],
    rungs: [
      { name, passed: false, elapsedMs: 1, detail: '', facts: {}, warnings: [], problem: { code, cause: '', fix: '' } },
    ],
  });

  it.each<[RungName, string, string | undefined]>([
    ['connect', 'refused', 'nothing listens there'],
    ['connect', 'connect_timeout', 'no connection comes about'],
    ['binding', 'no_answer', 'nothing answers'],
    ['tls', 'plain_expected', 'no TLS there'],
    ['tls', 'not_stun', 'some other service is there'],
    ['binding', 'not_stun', 'some other service is there'],
    ['tls', 'certificate_expired', undefined],
    ['tls', 'certificate_wrong_name', undefined],
    ['allocate', 'wrong_secret', undefined],
    ['challenge', 'no_answer', undefined],
  ])('that fails at %s with %s is not offered because: %s', (name, code, expected) => {
    expect(whyNotOffered(parsed('turns:turn.example.org'), failing(name, code))).toBe(expected);
  });

  it('is taken for a web site on port 443 when the certificate is for another name', () => {
    const url = parsed('turns:turn.example.org:443');
    expect(whyNotOffered(url, failing('tls', 'certificate_wrong_name'))).toBe('some other service is there');
    expect(whyNotOffered(url, { passed: true, notTested: [], rungs: [] })).toBeUndefined();
  });
});
