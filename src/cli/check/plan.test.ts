import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CommandContext } from '../command-context.ts';
import type { CommandFailure } from '../command-failure.ts';
import { type CheckFlags, checkableUrl, checkPlan, refuseWithoutRelay } from './plan.ts';

const context = { workingDirectory: tmpdir() } as CommandContext;
const plan = (flags: Partial<CheckFlags> = {}) => checkPlan({ quality: true, ...flags }, context);

describe('the flags of a check', () => {
  it('measure for ten seconds at ten megabits when nothing is said', () => {
    expect(plan()).toEqual({
      all: false,
      quality: { durationMs: 10_000, maxBitsPerSecond: 10_000_000 },
      thresholds: [],
      securityTargets: undefined,
      junitFile: undefined,
      watch: undefined,
    });
    expect(plan({ quality: false }).quality).toBeUndefined();
  });

  it('measure for three seconds in each round of a watch', () => {
    const { quality, watch } = plan({ watch: '60s', metrics: '127.0.0.1:9478' });
    expect(quality?.durationMs).toBe(3000);
    expect(watch).toEqual({ intervalMs: 60_000, metrics: { host: '127.0.0.1', port: 9478 } });
    expect(plan({ watch: '1m', duration: '5s' }).quality?.durationMs).toBe(5000);
    expect(plan({ watch: '1m', metrics: '[::1]:9478' }).watch?.metrics).toEqual({ host: '::1', port: 9478 });
  });

  it('set limits, with units', () => {
    const { thresholds, quality } = plan({
      maxRtt: '100ms',
      maxLoss: '1%',
      minBitrate: '2Mbps',
      maxBitrate: '500 Mbit/s',
    });
    expect(thresholds).toEqual([
      { name: 'max-rtt', limit: 100 },
      { name: 'max-loss', limit: 0.01 },
      { name: 'min-bitrate', limit: 2_000_000 },
    ]);
    expect(quality?.maxBitsPerSecond).toBe(500_000_000);
  });

  it('try more than what is wanted, or it could not be found', () => {
    expect(plan({ minBitrate: '20Mbps' }).quality?.maxBitsPerSecond).toBe(30_000_000);
  });

  it('name a file that a later change of directory does not move', () => {
    expect(plan({ junit: 'turn.xml' }).junitFile).toBe(join(tmpdir(), 'turn.xml'));
  });

  it.each<[Partial<CheckFlags>, RegExp]>([
    [{ duration: '10x' }, /--duration takes a time from 1s to 10m, such as 10s, not 10x/],
    [{ duration: '0s' }, /--duration takes/],
    [{ duration: '1h' }, /--duration takes/],
    [{ maxBitrate: '10MB' }, /--max-bitrate takes .* such as 2Mbps/],
    [{ maxBitrate: '10' }, /--max-bitrate takes/],
    [{ maxBitrate: '1kbps' }, /100kbps or more/],
    [{ minBitrate: '2' }, /--min-bitrate takes/],
    [{ maxRtt: '100' }, /--max-rtt takes a whole number of .* with its unit, such as 100ms, not 100/],
    [{ maxRtt: '0ms' }, /--max-rtt/],
    [{ maxLoss: '0.01' }, /--max-loss takes a percentage, such as 1%/],
    [{ maxLoss: '200%' }, /--max-loss/],
    [{ minBitrate: '20Mbps', maxBitrate: '10Mbps' }, /cannot be reached/],
    [{ quality: false, maxRtt: '1s' }, /--max-rtt needs the measurement that --no-quality leaves out/],
    [{ quality: false, duration: '1s' }, /--duration needs the measurement/],
    [{ securityTarget: ['127.0.0.1'] }, /--security-target needs --security/],
    [{ metrics: '127.0.0.1:9478' }, /--metrics needs --watch/],
    [{ watch: '0s' }, /--watch takes a time from 1s to 1d, such as 60s/],
    [{ watch: '60s', metrics: '9478' }, /--metrics takes HOST:PORT, such as 127\.0\.0\.1:9478/],
    [{ watch: '60s', metrics: 'localhost' }, /--metrics takes HOST:PORT/],
    [{ watch: '60s', junit: 'a.xml' }, /--junit is for one check/],
    [{ watch: '60s', security: true }, /--security/],
    [{ junit: 'no/such/directory/a.xml' }, /does not exist/],
  ])('%j is wrong usage', (flags, message) => {
    expect(() => plan(flags)).toThrow(message);
    expect(() => plan(flags)).toThrow(expect.objectContaining({ exitCode: 64 }) as CommandFailure);
  });
});

describe('a URL without a relay', () => {
  it.each<[Partial<CheckFlags>, RegExp]>([
    [{ maxRtt: '1s' }, /--max-rtt is about a relay, and stun:192\.0\.2\.1 has none/],
    [{ security: true }, /--security is about a relay/],
  ])('has nothing for %j', (flags, message) => {
    const url = checkableUrl('stun:192.0.2.1');
    expect(() => refuseWithoutRelay('stun:192.0.2.1', url, plan(flags))).toThrow(message);
  });

  it('may be checked all the same', () => {
    expect(() => refuseWithoutRelay('stun:a', checkableUrl('stun:a'), plan({ all: true }))).not.toThrow();
  });
});
