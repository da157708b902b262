import { describe, expect, it } from 'vitest';
import { Scenario } from '../../test/virtual-network/scenario.ts';
import { allocateAttributes, type VirtualClient } from '../../test/virtual-network/virtual-client.ts';
import { AddressFamily, Method } from '../stun/protocol.ts';

const { ipv4, ipv6 } = AddressFamily;

/** A client that knows its nonce and whose Allocate waits for its sockets; IPv6 sockets take longer than IPv4 ones. */
function waiting(wishes: Parameters<typeof allocateAttributes>[0]): { scenario: Scenario; client: VirtualClient } {
  const scenario = new Scenario();
  const { client } = scenario.allocated();
  client.refresh(0);
  scenario.host.openDelayMs = 100;
  client.send(client.build(Method.allocate, allocateAttributes(wishes)));
  scenario.schedule.settle();
  expect(scenario.server.population.allocations).toBe(1);
  return { scenario, client };
}

function expectNothingLeft(scenario: Scenario): void {
  expect(scenario.host.sockets.size).toBe(0);
  expect(Object.values(scenario.server.population).every((count) => count === 0)).toBe(true);
  expect([scenario.server.freePorts(ipv4), scenario.server.freePorts(ipv6)]).toEqual([16_384, 16_384]);
}

describe('an Allocate that waits for its sockets', () => {
  it('other requests on its five-tuple go unanswered', () => {
    const { scenario, client } = waiting({});
    expect(client.exchange(client.build(Method.refresh))).toBeUndefined();
    expect(scenario.server.counters.dropped('request-in-progress')).toBe(1);
  });

  it('can be ended; the socket that opens afterwards is nobody’s and the five-tuple is free', () => {
    const { scenario, client } = waiting({ additionalFamily: ipv6 });
    const [allocation] = scenario.server.allocations;
    expect(scenario.server.endAllocation(allocation!.id, 'killed', scenario.schedule.time)).toBe(true);
    scenario.host.run();
    expectNothingLeft(scenario);
    scenario.pass(10);
    expectNothingLeft(scenario);
    expect(client.answers).toEqual([]);
    scenario.host.openDelayMs = 0;
    expect(client.allocate().code).toBe(0);
    scenario.pass(601);
    expectNothingLeft(scenario);
  });

  it('loses one half when its socket vanishes before the other is open', () => {
    const { scenario, client } = waiting({ additionalFamily: ipv6 });
    const [first, second] = [...scenario.host.sockets.keys()];
    const { server, schedule } = scenario;
    scenario.host.sockets.set(first!, 'open');
    server.relayOpened(first!, schedule.time);
    server.relayLost(first!, schedule.time);
    scenario.host.run();
    expect(scenario.host.sockets.has(first!)).toBe(false);
    scenario.pass(1);
    const [answer] = client.answers;
    expect(answer!.relayedAddresses.map(({ port }) => port)).toEqual([second!.external.port]);
    expect(answer!.addressError).toEqual({ family: ipv4, code: 508 });
    client.refresh(0);
    expectNothingLeft(scenario);
  });

  it('gives back the ports that it left aside in a half that has failed, when it is ended', () => {
    const { scenario } = waiting({ additionalFamily: ipv6 });
    const { server, schedule, host } = scenario;
    for (const failure of ['port-in-use', 'unavailable'] as const) {
      const first = [...host.sockets.keys()].find(({ family }) => family === ipv4)!;
      host.sockets.delete(first);
      server.relayFailed(first, failure, schedule.time);
      host.run();
    }
    expect(server.population.unusablePorts).toBe(1);
    const [allocation] = server.allocations;
    server.endAllocation(allocation!.id, 'killed', schedule.time);
    host.run();
    expectNothingLeft(scenario);
  });

  it('fails when the socket of its reservation vanishes before the other is open', () => {
    const { scenario, client } = waiting({ evenPort: 'reserve-next' });
    const [, next] = [...scenario.host.sockets.keys()];
    scenario.host.sockets.set(next!, 'open');
    scenario.server.relayOpened(next!, scenario.schedule.time);
    scenario.server.relayLost(next!, scenario.schedule.time);
    scenario.host.run();
    scenario.pass(1);
    expect(client.answers.map(({ code }) => code)).toEqual([508]);
    expectNothingLeft(scenario);
  });
});

describe('a relay socket that vanishes', () => {
  it('ends its allocation; the client learns of it at the next Refresh and can allocate anew', () => {
    const scenario = new Scenario();
    const { client, relayed } = scenario.allocated();
    const peer = scenario.peer();
    client.channelBind(0x4000, peer.at);
    scenario.host.loseSocket(scenario.socketOf(relayed));
    expectNothingLeft(scenario);
    client.sendOn(0x4000, 'lost');
    expect(scenario.server.counters.dropped('unknown-channel')).toBe(1);
    expect(client.refresh().code).toBe(437);
    expect(client.allocate().code).toBe(0);
    expect(scenario.host.events.filter(({ kind }) => kind === 'allocation-ended')).toMatchObject([
      { reason: 'relay-socket-lost' },
    ]);
  });

  it('takes only its half of a dual allocation along', () => {
    const scenario = new Scenario();
    const client = scenario.client();
    const [four, six] = client.allocate({ additionalFamily: ipv6 }).relayedAddresses;
    const [peer4, peer6] = [scenario.peer(), scenario.peer('[2a02::1]:7000')];
    client.createPermission(peer4.at, peer6.at);
    scenario.host.loseSocket(scenario.socketOf(four!));
    expect(scenario.server.population).toMatchObject({ allocations: 1, relayedAddresses: 1, permissions: 1 });
    client.sendTo(peer6.at, 'still here');
    expect(peer6.received).toMatchObject([{ from: { port: six!.port }, data: 'still here' }]);
    expect(client.createPermission(peer4.at).code).toBe(443);
    expect(client.refresh().code).toBe(0);
  });
});

describe('endAllocation', () => {
  it('ends an allocation at once and says whether there was one', () => {
    const scenario = new Scenario();
    scenario.allocated();
    const [allocation] = scenario.server.allocations;
    expect(scenario.server.endAllocation(allocation!.id, 'killed', scenario.schedule.time)).toBe(true);
    scenario.host.run();
    expectNothingLeft(scenario);
    expect(scenario.server.endAllocation(allocation!.id, 'killed', scenario.schedule.time)).toBe(false);
    expect(scenario.host.events.at(-1)).toMatchObject({ kind: 'allocation-ended', reason: 'killed' });
  });
});
