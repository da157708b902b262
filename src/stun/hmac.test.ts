import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hmac } from './hmac.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

describe('HMAC', () => {
  it.each([
    // RFC 2202 §3, RFC 4231 §4: test cases 2 and 6, the latter with a key longer than a block.
    ['sha1', Buffer.from('Jefe'), 'what do ya want for nothing?', 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79'],
    [
      'sha1',
      Buffer.alloc(80, 0xaa),
      'Test Using Larger Than Block-Size Key - Hash Key First',
      'aa4ae5e15272d00e95705637ce8a3b55ed402112',
    ],
    [
      'sha256',
      Buffer.from('Jefe'),
      'what do ya want for nothing?',
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    [
      'sha256',
      Buffer.alloc(131, 0xaa),
      'Test Using Larger Than Block-Size Key - Hash Key First',
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
  ] as const)('%s is that of the RFCs', (algorithm, key, message, expected) => {
    expect(hmac(algorithm, key, Buffer.from(message))).toEqual(hex(expected));
  });

  it('is that of Node for any key and any parts', () => {
    const bytes = fc.uint8Array({ maxLength: 5000 });
    fc.assert(
      fc.property(
        fc.constantFrom('sha1', 'sha256'),
        fc.uint8Array({ maxLength: 200 }),
        bytes,
        bytes,
        (name, key, a, b) => {
          const expected = createHmac(name, key).update(a).update(b).digest();
          expect(hmac(name, key, a, b)).toEqual(expected);
        },
      ),
    );
  });
});
