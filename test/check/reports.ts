/** Reports as a check makes them, for the tests of what is done with them. */

import type { CheckReport, TransportCheck } from '../../src/cli/check/report.ts';
import type { Rung, RungName } from '../../src/ladder/rung.ts';
import type { QualityReport } from '../../src/quality/report.ts';

export function rung(name: RungName, more: Partial<Rung> = {}): Rung {
  return { name, passed: true, elapsedMs: 12, detail: 'fine', facts: {}, warnings: [], ...more };
}

export function failedRung(name: RungName, code = 'wrong_secret'): Rung {
  return rung(name, { passed: false, detail: '401', problem: { code, cause: 'This is why.', fix: 'Do this.' } });
}

/** A way that works. */
export function way(url: string, more: Partial<TransportCheck> = {}): TransportCheck {
  return {
    url,
    passed: true,
    rungs: [rung('resolve'), rung('echo', { facts: { medianMs: 20 } })],
    notTested: [],
    ...more,
  };
}

export function failedWay(url: string, more: Partial<TransportCheck> = {}): TransportCheck {
  return way(url, { passed: false, rungs: [rung('resolve'), failedRung('allocate')], notTested: ['echo'], ...more });
}

export function report(url: string, more: Partial<CheckReport> = {}): CheckReport {
  return { ...way(url), passed: true, startedAt: '2026-11-23T12:00:00.000Z', ...more };
}

interface Figures {
  readonly p50?: number;
  readonly p95?: number;
  readonly lossFraction?: number;
  readonly bitsPerSecond?: number;
  readonly received?: number;
}

export function quality(figures: Figures = {}): QualityReport {
  const { p50 = 41, p95 = p50 + 3, lossFraction = 0, bitsPerSecond = 4_800_000, received = 2000 } = figures;
  return {
    durationMs: 10_000,
    packets: {
      sent: 2000,
      received,
      lost: 2000 - received,
      lossFraction,
      reordered: 0,
      duplicated: 0,
      longestBurst: 0,
    },
    roundTripMs: { min: p50 - 1, p50, p95, p99: p95 + 8, max: p95 + 20 },
    jitterMs: 1.2,
    bandwidth: { bitsPerSecond, limitedBy: 'asked' },
    mos: 4.3,
    meaning: {
      video: { name: '720p', bitsPerSecond: 2_500_000 },
      playoutDelayMs: 12,
      repair: 'none-needed',
      sentences: [],
    },
  };
}
