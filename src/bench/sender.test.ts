import { describe, expect, it } from 'vitest';
import { type Emit, Sender, type SendPlan } from './sender.ts';
import type { Wire } from './wire.ts';

const plan: SendPlan = {
  run: 77,
  lanes: 3,
  packetsPerSecond: 1000,
  warmupMs: 10,
  durationMs: 20,
  burst: 1,
  size: 100,
  direct: false,
};

/** Runs a plan in virtual time; what was sent, as text, with a bar where the wire was flushed between rounds. */
function run(wishes: Partial<SendPlan>, { separateRounds = false, full = -1 } = {}) {
  const packets: string[] = [];
  const wire = { failed: 0, flush: () => packets.push('|') };
  const emit: Emit = (_plan, mark, lane, sequence) => {
    if (lane === full) return false;
    packets.push(`${mark === 0 ? 'w' : ''}${lane}:${sequence}`);
    return true;
  };
  const sender = new Sender({ ...plan, ...wishes }, wire as unknown as Wire, emit, separateRounds, 0);
  for (let now = 0; sender.step(now); now += 1000);
  return { packets: packets.filter((packet) => packet !== '|'), all: packets, sender, wire };
}

describe('a sender', () => {
  it('sends round robin, and counts sequences anew after the warm-up', () => {
    const { packets, sender } = run({});
    expect(packets.slice(0, 4)).toEqual(['w0:0', 'w1:0', 'w2:0', 'w0:1']);
    const measured = packets.filter((packet) => !packet.startsWith('w'));
    expect(measured).toHaveLength(20);
    expect(measured.slice(0, 4)).toEqual(['1:0', '2:0', '0:0', '1:1']);
    expect(sender.report()).toEqual({ sent: 20, offered: 20, elapsedMs: 20 });
  });

  it('sends packets of one client in a row when that is wished for', () => {
    const { packets } = run({ burst: 2, warmupMs: 0 });
    expect(packets.slice(0, 6)).toEqual(['0:0', '0:1', '1:0', '1:1', '2:0', '2:1']);
  });

  it('lets no two packets of one client wait together when they would leave as one', () => {
    const { all } = run({ packetsPerSecond: 10_000, warmupMs: 0, durationMs: 3 }, { separateRounds: true });
    for (const flush of all.join(' ').split('|')) {
      const lanes = flush.match(/\d(?=:)/g) ?? [];
      expect(new Set(lanes).size).toBe(lanes.length);
    }
    expect(all.filter((one) => one !== '|').length).toBeGreaterThan(3);
  });

  it('does not count what a full connection did not take, nor what the system refused', () => {
    const { sender, wire } = run({ warmupMs: 0 }, { full: 1 });
    expect(sender.sent).toBe(13);
    wire.failed += 2;
    expect(sender.report()).toMatchObject({ sent: 11, offered: 20 });
  });
});
