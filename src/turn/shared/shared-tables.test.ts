import { describe, expect, it } from 'vitest';
import { Scenario } from '../../../test/virtual-network/scenario.ts';
import { SeededRandom } from '../../../test/virtual-network/seeded-random.ts';
import { AddressFamily, Method } from '../../stun/protocol.ts';
import { type Gauge, gauges } from '../population.ts';
import { createSharedMemory } from './shared-memory.ts';
import { SharedTables } from './shared-tables.ts';

const { ipv4 } = AddressFamily;
const range = { low: 50_000, high: 50_099 };

/** A scenario of three servers, and a client with a channel at each. */
function three(options: ConstructorParameters<typeof Scenario>[0] = {}) {
  const scenario = new Scenario({ servers: 3, relayPorts: range, ...options });
  const clients = [0, 1, 2].map((servedBy) => scenario.allocated({ servedBy }));
  return { scenario, clients, view: new SharedTables(scenario.memory, 0) };
}

describe('SharedTables', () => {
  it('are opened from plain data, with room for as many servers as were asked for', () => {
    const memory = structuredClone(createSharedMemory(2, range, new SeededRandom(1)));
    const [first, second] = [new SharedTables(memory, 0), new SharedTables(memory, 1)];
    const port = first.ports.take(ipv4, new SeededRandom(1))!;
    expect(second.ports.isOwnedBy(ipv4, port, 0)).toBe(true);
    expect(() => new SharedTables(memory, 2)).toThrow('no server 2');
    expect(() => createSharedMemory(128, range, new SeededRandom(1))).toThrow('128 servers');
  });

  it('have no part that another one overwrites', () => {
    const memory = createSharedMemory(3, range, new SeededRandom(1));
    const all = [0, 1, 2].map((server) => new SharedTables(memory, server));
    const keys = Buffer.from(all[0]!.nonceKeys.current);
    for (const [server, tables] of all.entries()) {
      tables.counters.fromClients.packets = server + 1;
      tables.counters.fail(508);
      tables.ports.opened(AddressFamily.ipv6, 65_535);
      const none = Object.fromEntries(gauges.map((gauge) => [gauge, 0])) as Record<Gauge, number>;
      tables.setGauges({ ...none, allocations: 10, deadlines: 1 });
      tables.admissions.admit(`user ${server}`, { allocations: 100, allocationsPerUser: 1 });
    }
    expect(all[1]!.totalCounters()).toMatchObject({ fromClients: { packets: 6, bytes: 0 } });
    expect([...all[1]!.totalCounters().errors]).toEqual([[508, 3]]);
    expect(all[2]!.totalPopulation()).toMatchObject({ allocations: 30, permissions: 0, deadlines: 3, users: 3 });
    expect(all[0]!.nonceKeys.current).toEqual(keys);
  });

  it('sum what the servers have done and hold', () => {
    const { scenario, clients, view } = three();
    const peer = scenario.peer();
    for (const { client } of clients) {
      client.channelBind(0x4000, peer.at);
      client.sendOn(0x4000, 'four');
    }
    expect(view.totalPopulation()).toMatchObject({ allocations: 0, users: 1 });
    for (const { server } of scenario.hosts) server.publish();
    expect(view.totalPopulation()).toEqual({
      allocations: 3,
      relayedAddresses: 3,
      permissions: 3,
      channels: 3,
      reservations: 0,
      unusablePorts: 0,
      users: 1,
      connections: 0,
      deadlines: 9,
    });
    const totals = view.totalCounters();
    expect(totals.fromClients).toMatchObject({ packets: 3, bytes: 12 });
    expect(totals.challenges).toBe(3);
    expect([...totals.successes]).toEqual([
      [Method.allocate, 3],
      [Method.channelBind, 3],
    ]);
  });

  it('take limits over all servers together', () => {
    const { scenario } = three({ limits: { allocationsPerUser: 4, allocations: 5 } });
    scenario.users.add('bob', 'hello');
    const bob = { username: 'bob', password: 'hello' };
    expect(scenario.client({ servedBy: 1 }).allocate().code).toBe(0);
    expect(scenario.client({ servedBy: 2 }).allocate().code).toBe(486);
    expect(scenario.client({ servedBy: 2, ...bob }).allocate().code).toBe(0);
    expect(scenario.client({ servedBy: 0, ...bob }).allocate().code).toBe(508);
  });

  it.each([
    ['perUser', 'user-rate'],
    ['perServer', 'server-rate'],
  ] as const)('take %s rates over all servers together', (limit, reason) => {
    const rates = { packetsPerSecond: 10, bytesPerSecond: Number.POSITIVE_INFINITY };
    const { scenario, clients, view } = three({ limits: { [limit]: rates } });
    const peer = scenario.peer();
    for (const { client } of clients) {
      client.createPermission(peer.at);
      for (let i = 0; i < 5; i++) client.sendTo(peer.at, 'x');
    }
    expect(peer.take()).toHaveLength(10);
    expect(view.totalCounters().dropped(reason)).toBe(5);
  });

  it('let a client come to another server, or to one that was started again, with the nonce that it has', () => {
    const { scenario, clients } = three();
    scenario.restart(1);
    const { client } = clients[1]!;
    expect(client.exchange(client.build(Method.refresh))!.code).toBe(437);
    scenario.server.rotateNonceKey();
    expect(client.exchange(client.build(Method.refresh))!.code).toBe(437);
    expect(scenario.hosts[1]!.server.counters.challenges).toBe(1);
  });

  it('give back all that a dead server had, and keep what it has counted', () => {
    const { scenario, clients, view } = three();
    const { port } = clients[1]!.relayed;
    expect(view.isLiveUdpRelay(ipv4, port)).toBe(true);
    for (const { server } of scenario.hosts) server.publish();
    scenario.restart(1);
    expect(view.isLiveUdpRelay(ipv4, port)).toBe(false);
    expect(view.isLiveUdpRelay(ipv4, clients[0]!.relayed.port)).toBe(true);
    expect(view.ports.free(ipv4)).toBe(98);
    expect(view.admissions.allocationsOf('alice')).toBe(2);
    expect(view.totalPopulation()).toMatchObject({ allocations: 2, deadlines: 2 });
    expect([...view.totalCounters().successes]).toEqual([[Method.allocate, 3]]);
    clients[1]!.client.allocate();
    for (const { client } of clients) client.refresh(0);
    expect(view.ports.free(ipv4)).toBe(100);
    expect(view.admissions.users).toBe(0);
  });
});
