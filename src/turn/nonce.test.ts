import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../test/virtual-network/seeded-random.ts';
import { address } from '../../test/virtual-network/virtual-network.ts';
import { nonceFeatures } from '../stun/nonce-cookie.ts';
import { NonceIssuer } from './nonce.ts';
import { NONCE_KEY_WORDS, NonceKeys } from './shared/nonce-keys.ts';
import { unixSeconds } from './time.ts';

const { ip } = address('30.0.0.1:1');
const now = unixSeconds(1_800_000_000);
const later = (seconds: number) => unixSeconds(now + seconds);

function keys(seed: number): NonceKeys {
  const made = new NonceKeys(new Int32Array(NONCE_KEY_WORDS));
  made.rotate(new SeededRandom(seed));
  return made;
}

describe('NonceIssuer', () => {
  it('makes nonces that show its features and fit the limit of the RFC', () => {
    const nonce = new NonceIssuer(600, keys(1)).issue(ip, 1, now);
    expect(nonce.startsWith('obMatJos2gAAA')).toBe(true);
    expect(nonceFeatures(nonce)).toEqual({ passwordAlgorithms: true, usernameAnonymity: false });
    expect(nonce.length).toBeLessThan(128);
  });

  it('takes a nonce for valid from its second to the end of its lifetime', () => {
    const issuer = new NonceIssuer(600, keys(1));
    const nonce = issuer.issue(ip, 1, now);
    expect([0, 1, 600].map((s) => issuer.verify(nonce, ip, 1, later(s)))).toEqual(['valid', 'valid', 'valid']);
    expect([-1, 601, 1_000_000].map((s) => issuer.verify(nonce, ip, 1, later(s)))).toEqual(['stale', 'stale', 'stale']);
  });

  it('takes a nonce of another client, another key or another text for foreign', () => {
    const issuer = new NonceIssuer(600, keys(1));
    const nonce = issuer.issue(ip, 1, now);
    expect(issuer.verify(nonce, ip, 2, now)).toBe('foreign');
    expect(issuer.verify(nonce, address('30.0.0.2:1').ip, 1, now)).toBe('foreign');
    expect(new NonceIssuer(600, keys(2)).verify(nonce, ip, 1, now)).toBe('foreign');
    for (const text of [
      '',
      'x',
      nonce.slice(0, 13),
      nonce.replace('gAAA', 'gAAAAAAA'),
      nonce.slice(0, 20),
      'obMatJos2gAAA\0\u{10ffff}',
    ]) {
      expect(issuer.verify(text, ip, 1, now)).toBe('foreign');
    }
  });

  it('takes nonces of the key before for valid, and no older ones', () => {
    const shared = keys(1);
    const random = new SeededRandom(2);
    const issuer = new NonceIssuer(600, shared);
    const nonce = issuer.issue(ip, 1, now);
    shared.rotate(random);
    expect(issuer.verify(nonce, ip, 1, now)).toBe('valid');
    expect(issuer.issue(ip, 1, now)).not.toBe(nonce);
    shared.rotate(random);
    expect(issuer.verify(nonce, ip, 1, now)).toBe('foreign');
  });

  it('makes nonces that share nothing but cookie and time', () => {
    const issuer = new NonceIssuer(600, keys(1));
    const macs = new Set<string>();
    for (let port = 0; port < 10_000; port++) macs.add(issuer.issue(ip, port, now).slice(19));
    expect(macs.size).toBe(10_000);
  });
});
