import { describe, expect, it } from 'vitest';
import type { QualityReport } from '../../quality/report.ts';
import type { CommandContext } from '../command-context.ts';
import { progressLine, qualitySummary, renderQuality } from './render-quality.ts';

const report: QualityReport = {
  durationMs: 10_012,
  packets: {
    sent: 2185,
    received: 2184,
    lost: 1,
    lossFraction: 1 / 2185,
    reordered: 0,
    duplicated: 0,
    longestBurst: 1,
  },
  roundTripMs: { min: 39, p50: 41.2, p95: 44.1, p99: 52, max: 80 },
  jitterMs: 1.24,
  bandwidth: { bitsPerSecond: 4_810_000, limitedBy: 'delay' },
  mos: 4.37,
  meaning: {
    video: { name: '720p', bitsPerSecond: 2_500_000 },
    playoutDelayMs: 13,
    repair: 'none-needed',
    sentences: ['Video fits.', 'Speech is good.'],
  },
};

const nothing: QualityReport = {
  ...report,
  packets: { ...report.packets, sent: 120, received: 0, lost: 120, lossFraction: 1 },
  meaning: { ...report.meaning, video: undefined, sentences: ['Nothing came back.'] },
};

function rendered(one: QualityReport, terminal?: { readonly isTTY: true; readonly columns: number }): string {
  let text = '';
  const stdout = { ...terminal, write: (more: string) => (text += more) };
  renderQuality(one, { streams: { stdout }, environment: {} } as unknown as CommandContext);
  return text;
}

describe('the quality of a relay, for people', () => {
  it('is the figures, what they mean, and what they are of', () => {
    expect(rendered(report)).toBe(`
Quality (measured for 10.0 s)
  round trip  41 ms        95 % within 44 ms, 99 % within 52 ms, jitter 1.2 ms
  loss        below 0.1 %  1 of 2,185 packets
  bandwidth   4.8 Mbit/s   limited by delay: with more, packets queue up
  speech      MOS 4.4      an estimate by the E-model; 4.5 is the best

What it means for a call
  - Video fits.
  - Speech is good.
  The packets went from this machine to the relay and back: the bandwidth is that of the narrower
  direction, all else is of both together. In a call the other person's path takes the place of the
  way back; measure from there as well.
`);
  });

  it('has colours and fits on a terminal', () => {
    const text = rendered(report, { isTTY: true, columns: 72 });
    expect(text).toContain('\x1b[32mMOS 4.4');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences of the colours.
    const lines = text.replaceAll(/\x1b\[\d+m/g, '').split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(72);
  });

  it('tells what is odd about the packets', () => {
    const packets = {
      ...report.packets,
      lost: 80,
      lossFraction: 80 / 2185,
      longestBurst: 7,
      reordered: 3,
      duplicated: 1,
    };
    expect(rendered({ ...report, packets })).toContain(
      '80 of 2,185 packets, at most 7 in a row, 3 out of order, 1 twice',
    );
  });

  it.each([
    ['delay', 'with more, packets queue up'],
    ['loss', 'with more, packets are lost'],
    ['asked', 'as much as was to be tried; there may be more'],
    ['time', 'as much as there was time to try; there may be more'],
  ] as const)('tells what limited the bandwidth: %s', (limitedBy, words) => {
    expect(rendered({ ...report, bandwidth: { bitsPerSecond: 1e6, limitedBy } })).toContain(words);
  });

  it('shows no figures when nothing came back', () => {
    expect(rendered(nothing)).toBe('\nQuality (measured for 10.0 s)\n  - Nothing came back.\n');
    expect(qualitySummary(nothing)).toBe('nothing came back of 120 packets');
  });

  it('fits into one line', () => {
    expect(qualitySummary(report)).toBe(
      'round trip 41 ms (p95 44 ms) · jitter 1.2 ms · loss below 0.1 % · 4.8 Mbit/s · MOS 4.4',
    );
  });
});

describe('the line while it is measured', () => {
  const progress = { elapsedMs: 2100, durationMs: 10_000, roundTripMs: undefined, lossFraction: undefined } as const;

  it('says what is looked for and what is known', () => {
    expect(progressLine({ ...progress, phase: 'bandwidth', bitsPerSecond: undefined })).toBe(
      'looking for the bandwidth, 2 of 10 s',
    );
    expect(progressLine({ ...progress, phase: 'bandwidth', bitsPerSecond: 4.2e6 })).toBe(
      'looking for the bandwidth, 2 of 10 s: 4.2 Mbit/s so far',
    );
    expect(
      progressLine({ ...progress, phase: 'stream', bitsPerSecond: 4.8e6, roundTripMs: 41.2, lossFraction: 0.01 }),
    ).toBe('measuring delay and loss, 2 of 10 s: round trip 41 ms · loss 1.0 % · 4.8 Mbit/s');
  });
});
