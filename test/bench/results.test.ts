import { describe, expect, it } from 'vitest';
import { benchmarkDocument, goalRows, replaceServiceSection } from './document.ts';
import type { Figure } from './figures.ts';
import { type Goal, goalSpread, judge, type Samples, spread } from './results.ts';

const samples: Samples = new Map([
  ['ours', [{ cpu: 8 }, { cpu: 30 }, { cpu: 9 }]],
  ['theirs', [{ cpu: 10 }, { cpu: 40 }, { cpu: 10 }]],
  ['nobody', []],
]);
const goal: Goal = { metric: 'cpu', of: 'ours', against: 'theirs', atMost: 0.85, stretch: 0.7 };

describe('a spread', () => {
  it('has the median, also of an even number', () => {
    expect(spread([3, 1, 2])).toEqual({ median: 2, lowest: 1, highest: 3, rounds: 3 });
    expect(spread([4, 1, 2, 3])).toMatchObject({ median: 2.5, rounds: 4 });
    expect(spread([])).toBeUndefined();
  });
});

describe('a goal', () => {
  it('compares round by round, so that a slow one strikes both', () => {
    expect(goalSpread(samples, goal)).toEqual({ median: 0.8, lowest: 0.75, highest: 0.9, rounds: 3 });
  });

  it('takes the value itself when there is nobody to compare with', () => {
    expect(goalSpread(samples, { metric: 'cpu', of: 'ours', atMost: 12 })).toMatchObject({ median: 9 });
  });

  it('is not measured when one side is missing, or the machine does not do', () => {
    expect(judge(goal, goalSpread(samples, { ...goal, against: 'nobody' }))).toBe('not measured');
    expect(judge({ ...goal, notHere: 'too few cores' }, spread([0.5]))).toBe('not measured');
  });

  it.each([
    [{ atMost: 0.85, stretch: 0.7 }, 0.86, 'not reached'],
    [{ atMost: 0.85, stretch: 0.7 }, 0.85, 'reached'],
    [{ atMost: 0.85, stretch: 0.7 }, 0.7, 'stretch reached'],
    [{ atLeast: 1.2, stretch: 1.5 }, 1.19, 'not reached'],
    [{ atLeast: 1.2, stretch: 1.5 }, 1.3, 'reached'],
    [{ atLeast: 1.2, stretch: 1.5 }, 1.5, 'stretch reached'],
    [{ atLeast: 0.8 }, 2, 'reached'],
  ])('of %j with %d is %s', (limits, value, verdict) => {
    expect(judge({ metric: 'cpu', of: 'ours', ...limits }, spread([value]))).toBe(verdict);
  });
});

describe('the document', () => {
  const figure: Figure = {
    name: 'cpu',
    title: 'Processor time',
    contestants: ['ours', 'theirs', 'nobody'].map((name) => ({
      name,
      missing: undefined,
      start: () => ({ command: [], ready: / / }),
    })),
    command: '--rate 1000',
    metrics: { cpu: 'µs per packet' },
    goals: [goal, { metric: 'cpu', of: 'ours', against: 'nobody', atMost: 1 }],
    read: () => ({}),
  };
  const measured = { figure, samples, notes: ['nobody: not installed'], how: '`bench --rate 1000`' };
  const circumstances = {
    date: 'today',
    machine: 'a machine',
    network: 'a network',
    rounds: 3,
    loadAverage: 0.5,
    versions: [['ours', '1']],
  } as const;
  const service = { ...measured, figure: { ...figure, name: 'issuing', title: 'Issuing' } };

  it('has a row for each goal', () => {
    expect(goalRows(measured)).toEqual([
      ['cpu: µs per packet, ours ÷ theirs', '0.8 (0.75–0.9)', '≤ 0.85, stretch 0.7', 'reached'],
      ['cpu: µs per packet, ours ÷ nobody', 'not measured', '≤ 1', 'not measured'],
    ]);
  });

  it('has a table of medians, and says what is missing', () => {
    const text = benchmarkDocument(circumstances, { relay: [measured], service: [] });
    expect(text).toContain('| ours | 9 (8–30) |');
    expect(text).toContain('| nobody | not measured |');
    expect(text).toContain('- nobody: not installed');
    expect(text).toContain('a machine');
  });

  it('gets other figures of the service and keeps those of the relay', () => {
    const whole = benchmarkDocument(circumstances, { relay: [measured], service: [service] });
    expect(replaceServiceSection(whole, circumstances, [service])).toBe(whole);
    const later = replaceServiceSection(whole, { ...circumstances, date: 'tomorrow' }, [service]);
    expect(later).toContain('- When: today\n');
    expect(later).toContain('- When: tomorrow; load average when it began 0.5');
    expect(later).not.toContain('- When: today; ');
    const without = benchmarkDocument(circumstances, { relay: [measured], service: [] });
    const [relayOnly] = without.split('\n## The credential service');
    expect(replaceServiceSection(`${relayOnly}\n`, circumstances, [service])).toBe(whole);
  });
});
