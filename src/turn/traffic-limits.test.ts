import { describe, expect, it } from 'vitest';
import { Scenario } from '../../test/virtual-network/scenario.ts';
import type { DropReason } from './drop-reason.ts';
import type { TrafficRates } from './token-bucket.ts';

const rates = (packetsPerSecond: number, bytesPerSecond = Number.POSITIVE_INFINITY): TrafficRates => ({
  packetsPerSecond,
  bytesPerSecond,
});

/** Two clients of one user and one of another, each with a peer of its own. */
function bench(limits: { perAllocation?: TrafficRates; perUser?: TrafficRates; perServer?: TrafficRates }) {
  const scenario = new Scenario({ limits });
  scenario.users.add('bob', 'hello');
  const pairs = [{}, {}, { username: 'bob', password: 'hello' }].map((init) => {
    const { client, relayed } = scenario.allocated(init);
    const peer = scenario.peer();
    client.createPermission(peer.at);
    return { client, relayed, peer };
  });
  return { scenario, pairs, dropped: (reason: DropReason) => scenario.server.counters.dropped(reason) };
}

describe('traffic over the limit is dropped and counted, never refused', () => {
  it.each([
    ['perAllocation', 'allocation-rate', [10, 10, 10]],
    ['perUser', 'user-rate', [10, 0, 10]],
    ['perServer', 'server-rate', [10, 0, 0]],
  ] as const)('%s', (limit, reason, delivered) => {
    const { scenario, pairs, dropped } = bench({ [limit]: rates(10) });
    for (const { client, peer } of pairs) for (let i = 0; i < 15; i++) client.sendTo(peer.at, 'x');
    expect(pairs.map(({ peer }) => peer.take().length)).toEqual(delivered);
    const total = [...delivered].reduce<number>((a, b) => a + b, 0);
    expect(dropped(reason)).toBe(45 - total);
    expect(scenario.server.counters.fromClients.packets).toBe(total);
    expect(pairs[0]!.client.refresh().code).toBe(0);
  });

  it('by bytes of payload', () => {
    const { pairs, dropped } = bench({ perAllocation: rates(Number.POSITIVE_INFINITY, 1000) });
    const { client, peer } = pairs[0]!;
    for (let i = 0; i < 12; i++) client.sendTo(peer.at, 'x'.repeat(100));
    expect(peer.take()).toHaveLength(10);
    expect(dropped('allocation-rate')).toBe(2);
  });

  it('in both directions together', () => {
    const { scenario, pairs, dropped } = bench({ perAllocation: rates(10) });
    const { client, relayed, peer } = pairs[0]!;
    for (let i = 0; i < 8; i++) client.sendTo(peer.at, 'x');
    for (let i = 0; i < 8; i++) peer.send(relayed, 'y');
    scenario.schedule.settle();
    expect([peer.take().length, client.take().length]).toEqual([8, 2]);
    expect(dropped('allocation-rate')).toBe(6);
  });

  it('until time has refilled the allowance', () => {
    const { scenario, pairs } = bench({ perAllocation: rates(10) });
    const { client, peer } = pairs[0]!;
    for (let i = 0; i < 11; i++) client.sendTo(peer.at, 'x');
    scenario.pass(0.1);
    for (let i = 0; i < 3; i++) client.sendTo(peer.at, 'y');
    expect(peer.take()).toEqual([...'xxxxxxxxxx', 'y']);
    scenario.pass(100);
    for (let i = 0; i < 20; i++) client.sendTo(peer.at, 'z');
    expect(peer.take()).toHaveLength(10);
  });

  it('packets without permission use up nothing', () => {
    const { scenario, pairs } = bench({ perAllocation: rates(10) });
    const { client, relayed, peer } = pairs[0]!;
    const stranger = scenario.peer();
    for (let i = 0; i < 100; i++) stranger.send(relayed, 'flood');
    scenario.schedule.settle();
    client.sendTo(peer.at, 'x');
    expect(peer.take()).toEqual(['x']);
  });
});
