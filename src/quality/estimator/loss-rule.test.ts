import { describe, expect, it } from 'vitest';
import { LossRule } from './loss-rule.ts';

/** Tells the rule of packets every 5 ms, of which every so many is lost. */
function judge(rule: LossRule, fromMs: number, packets: number, everyLost: number, relaxed = false): void {
  for (let i = 1; i <= packets; i++) rule.judge(fromMs + i * 5, i % everyLost === 0, relaxed);
}

describe('the loss-based rule', () => {
  it('takes a third of all packets lost for congestion, and lowers the rate by half of that', () => {
    const rule = new LossRule();
    judge(rule, 0, 60, 3);
    expect(rule.isCongested).toBe(true);
    expect(rule.decrease).toBeCloseTo(1 - 0.5 / 3, 1);
  });

  it('does not take a twentieth for it', () => {
    const rule = new LossRule();
    judge(rule, 0, 500, 20);
    expect(rule.isCongested).toBe(false);
  });

  it('says nothing by few packets', () => {
    const rule = new LossRule();
    judge(rule, 0, 29, 1);
    expect(rule.isTelling).toBe(false);
    expect(rule.isCongested).toBe(false);
  });

  it('does not take what the path always loses for congestion', () => {
    const rule = new LossRule();
    judge(rule, 0, 200, 8, true);
    expect(rule.usualLoss).toBeCloseTo(1 / 8, 1);
    expect(rule.isCongested).toBe(false);
    expect(rule.decrease).toBeGreaterThan(0.97);
    judge(rule, 1000, 60, 2);
    expect(rule.isCongested).toBe(true);
  });

  it('does not take a single burst for congestion', () => {
    const rule = new LossRule();
    judge(rule, 0, 60, 1000);
    judge(rule, 300, 12, 1);
    expect(rule.lossFraction).toBeGreaterThan(0.2);
    expect(rule.isCongested).toBe(false);
  });

  it('forgets what was sent before the rate changed', () => {
    const rule = new LossRule();
    judge(rule, 0, 60, 3);
    rule.restart(300);
    judge(rule, 250, 9, 1);
    expect(rule.lossFraction).toBe(0);
  });
});
