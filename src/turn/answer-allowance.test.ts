import { describe, expect, it } from 'vitest';
import { Scenario } from '../../test/virtual-network/scenario.ts';
import { address } from '../../test/virtual-network/virtual-network.ts';
import { Method } from '../stun/protocol.ts';
import { AnswerAllowance, type AnswerRates } from './answer-allowance.ts';
import { instant } from './time.ts';

const defaults: AnswerRates = {
  perAddress: { perSecond: 100, burst: 1000 },
  perNetwork: { perSecond: 1000, burst: 10_000 },
};

function bench(rates = defaults) {
  const scenario = new Scenario({ limits: { unauthenticatedAnswers: rates } });
  let answers = 0;
  scenario.host.observer = { transmitted: () => void answers++ };
  const binding = scenario.client({ at: '39.0.0.1:1' }).build(Method.binding);
  const challenge = scenario.client({ at: '39.0.0.2:1' }).build(Method.allocate);
  return { scenario, binding, challenge, answers: () => answers };
}

describe('answers to sources that have proved nothing', () => {
  it.each(['binding', 'challenge'] as const)('10,000 spoofed requests (%s) in a second draw the allowance', (kind) => {
    const { scenario, answers, ...requests } = bench();
    for (let i = 0; i < 10_000; i++) {
      scenario.spoof(address(`31.0.0.1:${1024 + i}`), requests[kind]);
      scenario.schedule.advance(0.1);
    }
    expect(answers()).toBeGreaterThanOrEqual(1000);
    expect(answers()).toBeLessThanOrEqual(1100);
    expect(scenario.server.counters.dropped('answer-allowance')).toBe(10_000 - answers());
  });

  it('IPv6 sources share it by /64', () => {
    const { scenario, binding, answers } = bench();
    for (let i = 0; i < 2000; i++) scenario.spoof(address(`[2a01:1:1:1::${i.toString(16)}]:9`), binding);
    expect(answers()).toBe(1000);
    scenario.spoof(address('[2a01:1:1:2::1]:9'), binding);
    expect(answers()).toBe(1001);
  });

  it('sources of one /24 or /56 share a larger one', () => {
    const { scenario, binding, answers } = bench();
    for (let i = 0; i < 256 * 100; i++) scenario.spoof(address(`31.0.0.${i & 255}:9`), binding);
    expect(answers()).toBe(10_000);
    scenario.spoof(address('31.0.1.1:9'), binding);
    expect(answers()).toBe(10_001);
    for (let i = 0; i < 256 * 100; i++) scenario.spoof(address(`[2a01:0:0:${(i & 255).toString(16)}::1]:9`), binding);
    expect(answers()).toBe(20_001);
  });

  it('refills with time', () => {
    const { scenario, binding, answers } = bench();
    const source = address('31.0.0.1:9');
    for (let i = 0; i < 2000; i++) scenario.spoof(source, binding);
    scenario.pass(1);
    for (let i = 0; i < 2000; i++) scenario.spoof(source, binding);
    expect(answers()).toBe(1100);
  });

  it('is not asked for at an address that holds an allocation, and is again when it is gone', () => {
    const { scenario, binding, answers } = bench();
    const { client } = scenario.allocated({ at: '31.0.0.1:5000' });
    const before = answers();
    for (let i = 0; i < 5000; i++) scenario.spoof(address(`31.0.0.1:${i + 1}`), binding);
    expect(answers() - before).toBe(5000);
    client.refresh(0);
    for (let i = 0; i < 5000; i++) scenario.spoof(address(`31.0.0.1:${i + 1}`), binding);
    expect(answers() - before).toBeLessThanOrEqual(6001);
  });

  it('counts wrong passwords and stale nonces, and no request that is authenticated', () => {
    const { scenario, answers } = bench({ ...defaults, perAddress: { perSecond: 1, burst: 5 } });
    const guesser = scenario.client({ password: 'wrong' });
    guesser.allocate();
    for (let i = 0; i < 20; i++) guesser.exchange(guesser.build(Method.allocate));
    expect(answers()).toBe(5);
    const client = scenario.client();
    expect(client.allocate().code).toBe(0);
    for (let i = 0; i < 20; i++) expect(client.refresh().code).toBe(0);
  });
});

describe('AnswerAllowance', () => {
  it('has a share for every one of many honest sources, whatever a few loud ones do', () => {
    const allowance = new AnswerAllowance(defaults, 12_345);
    const loud = [1, 2, 3, 4].map((i) => address(`31.0.${i}.1:1`).ip);
    for (const ip of loud) for (let i = 0; i < 3000; i++) allowance.admit(ip, instant(0));
    let refused = 0;
    for (let i = 0; i < 65_536; i++) {
      if (!allowance.admit(address(`${60 + (i >>> 10)}.${(i >>> 2) & 255}.${i & 3}.1:1`).ip, instant(0))) refused++;
    }
    expect(refused).toBe(0);
    for (const ip of loud) expect(allowance.admit(ip, instant(0))).toBe(false);
  });

  it('can be switched off', () => {
    const off = { perSecond: Number.POSITIVE_INFINITY, burst: Number.POSITIVE_INFINITY };
    const allowance = new AnswerAllowance({ perAddress: off, perNetwork: off }, 1);
    const { ip } = address('31.0.0.1:1');
    for (let i = 0; i < 100_000; i++) if (!allowance.admit(ip, instant(0))) throw new Error('refused');
  });
});
