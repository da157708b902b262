import { describe, expect, it } from 'vitest';
import { instant } from '../turn/time.ts';
import { FailureLimit } from './failure-limit.ts';

const fail = (limit: FailureLimit, address: string, times: number, at = 0) =>
  Array.from({ length: times }, () => limit.count(address, instant(at))).at(-1);

describe('the limit on wrong keys', () => {
  it('lets ten pass at once and then one every six seconds', () => {
    const limit = new FailureLimit();
    expect(fail(limit, '192.0.2.1', 10)).toBe(0);
    expect(fail(limit, '192.0.2.1', 1)).toBe(6);
    expect(fail(limit, '192.0.2.1', 1, 4_000)).toBe(2);
    expect(fail(limit, '192.0.2.1', 1, 6_000)).toBe(0);
    expect(fail(limit, '192.0.2.1', 1, 6_000)).toBe(6);
  });

  it('counts an IPv6 /64 as one client, and a mapped IPv4 address as itself', () => {
    const limit = new FailureLimit();
    fail(limit, '2001:db8::1', 10);
    expect(fail(limit, '2001:db8::2', 1)).toBe(6);
    expect(fail(limit, '2001:db8:0:1::2', 1)).toBe(0);
    fail(limit, '192.0.2.1', 10);
    expect(fail(limit, '::ffff:192.0.2.1', 1)).toBe(6);
    expect(fail(limit, '::ffff:192.0.2.2', 1)).toBe(0);
  });

  it('keeps its memory bounded', () => {
    const limit = new FailureLimit();
    for (let i = 0; i < 10_000; i++) limit.count(`10.0.${i >> 8}.${i & 255}`, instant(i));
    expect(limit.size).toBe(4_096);
  });
});
