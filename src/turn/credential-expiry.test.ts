import { describe, expect, it } from 'vitest';
import { Scenario } from '../../test/virtual-network/scenario.ts';
import { peerAttributes } from '../../test/virtual-network/virtual-client.ts';
import { Method } from '../stun/protocol.ts';
import type { ExpiryPolicy } from './options.ts';

/** A client whose credential is good for this long. */
function bench(expiry: ExpiryPolicy, seconds: number) {
  const scenario = new Scenario({ expiry });
  scenario.users.add('guest', 'ticket', { expiresAt: scenario.unix + seconds });
  return { scenario, client: scenario.client({ username: 'guest', password: 'ticket' }) };
}

const policies: ExpiryPolicy[] = ['lax', 'strict', 'grace'];

describe.each(policies)('a time-limited credential, policy %s', (expiry) => {
  it('is good up to and including its last second, for an Allocate', () => {
    const { scenario, client } = bench(expiry, 100);
    scenario.pass(100.9);
    expect(client.allocate().code).toBe(0);
  });

  it('is no good for an Allocate after that', () => {
    const { scenario, client } = bench(expiry, 100);
    scenario.pass(101);
    expect(client.allocate().code).toBe(401);
    expect(scenario.server.population.allocations).toBe(0);
  });

  it('goes on relaying to the end of the lifetime that was granted', () => {
    const { scenario, client } = bench(expiry, 100);
    client.allocate();
    const peer = scenario.peer();
    client.channelBind(0x4000, peer.at);
    scenario.pass(299);
    client.sendOn(0x4000, 'x');
    expect(peer.take()).toEqual(['x']);
    scenario.pass(301);
    expect(scenario.server.population.allocations).toBe(0);
  });
});

describe('after its end, requests on an allocation that is there', () => {
  const peer = '20.0.0.1';

  function codes(expiry: ExpiryPolicy, secondsAfterEnd: number): number[] {
    const { scenario, client } = bench(expiry, 100);
    client.allocate({ lifetimeSeconds: 3600 });
    scenario.pass(100 + secondsAfterEnd);
    const at = scenario.peer(`${peer}:1`).at;
    return [
      client.request(Method.createPermission, peerAttributes([at])),
      client.channelBind(0x4000, at),
      client.refresh(),
    ].map(({ code }) => code);
  }

  it('go on for ever with lax', () => {
    expect(codes('lax', 3000)).toEqual([0, 0, 0]);
  });

  it('fail at once with strict', () => {
    expect(codes('strict', 0)).toEqual([0, 0, 0]);
    expect(codes('strict', 1)).toEqual([401, 401, 401]);
  });

  it('go on for one more lifetime with grace', () => {
    expect(codes('grace', 600)).toEqual([0, 0, 0]);
    expect(codes('grace', 601)).toEqual([401, 401, 401]);
  });
});

it('a static user never expires', () => {
  const scenario = new Scenario({ expiry: 'strict' });
  scenario.pass(86_400 * 365);
  expect(scenario.client().allocate().code).toBe(0);
});
