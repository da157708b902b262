import { describe, expect, it } from 'vitest';
import { Scenario } from '../../test/virtual-network/scenario.ts';
import { allocateAttributes } from '../../test/virtual-network/virtual-client.ts';
import { address } from '../../test/virtual-network/virtual-network.ts';
import { formatTransportAddress } from '../stun/ip-address.ts';
import { AddressFamily, Method } from '../stun/protocol.ts';
import { findSessions, isSession, type SessionQuery, summarizeSession } from './session-summary.ts';

const SECOND = 1000;

/** The ids of a page, as every server of a daemon would give it. */
function page({ server }: Scenario, query: Partial<SessionQuery> = {}): string[] {
  return findSessions(server.allocations, { limit: 1000, ...query }).map(({ id }) => id);
}

describe('the summary of a session', () => {
  it('says whose it is, how long it lives and what has passed', () => {
    const scenario = new Scenario();
    const started = scenario.unix;
    scenario.schedule.advance(5 * SECOND);
    const { client, relayed } = scenario.allocated();
    const peer = scenario.peer('20.0.0.1:9');
    client.channelBind(0x4000, peer.at);
    client.createPermission(address('20.0.0.2:9'));
    client.sendOn(0x4000, 'four');
    peer.send(relayed, 'twelve bytes');
    scenario.schedule.settle();
    const [allocation] = scenario.server.allocations;
    expect(summarizeSession(allocation!, 3)).toEqual({
      id: allocation!.id,
      user: 'alice',
      label: undefined,
      client: formatTransportAddress(client.at),
      transport: 'udp',
      relayed: [formatTransportAddress(relayed)],
      createdAt: started + 5,
      expiresAt: started + 605,
      permissions: 2,
      channels: 1,
      fromClient: { packets: 1, bytes: 4 },
      toClient: { packets: 1, bytes: 12 },
      server: 3,
    });
  });

  it('is plain data and does not go on counting', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    const peer = scenario.peer('20.0.0.1:9');
    client.channelBind(0x4000, peer.at);
    const [allocation] = scenario.server.allocations;
    const summary = summarizeSession(allocation!, 0);
    expect(structuredClone(summary)).toEqual(summary);
    client.sendOn(0x4000, 'four');
    scenario.schedule.settle();
    expect(allocation!.fromClient.packets).toBe(1);
    expect(summary.fromClient.packets).toBe(0);
  });

  it('counts the permissions that are in force', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    client.channelBind(0x4000, address('20.0.0.1:9'));
    const [allocation] = scenario.server.allocations;
    // The permission of a channel lapses before the channel does.
    scenario.schedule.advance(400 * SECOND);
    expect(summarizeSession(allocation!, 0)).toMatchObject({ permissions: 0, channels: 1 });
  });

  it('has both relayed addresses of a dual allocation, and the later end', () => {
    const scenario = new Scenario();
    const client = scenario.client();
    client.allocate({ additionalFamily: AddressFamily.ipv6 });
    const started = scenario.unix;
    scenario.schedule.advance(60 * SECOND);
    client.refresh(1200, AddressFamily.ipv6);
    const [allocation] = scenario.server.allocations;
    const { relayed, expiresAt } = summarizeSession(allocation!, 0);
    expect(relayed).toHaveLength(2);
    expect(expiresAt).toBe(started + 1260);
  });
});

describe('finding sessions', () => {
  function crowded(): Scenario {
    const scenario = new Scenario();
    scenario.users.add('1:bob#room-7', 'secret', { user: 'bob', label: 'room-7' });
    for (let i = 0; i < 50; i++) scenario.allocated({ username: i % 5 === 0 ? '1:bob#room-7' : 'alice' });
    return scenario;
  }

  it('gives them in the order of their ids', () => {
    const scenario = crowded();
    const ids = [...scenario.server.allocations].map(({ id }) => id);
    expect(page(scenario)).toEqual(ids.toSorted());
    expect(page(scenario, { limit: 7 })).toEqual(ids.toSorted().slice(0, 7));
  });

  it('meets each of them once, page by page, while others come and go', () => {
    const scenario = crowded();
    const lasting = page(scenario);
    const met: string[] = [];
    for (let pages = 0; pages < 20; pages++) {
      met.push(...page(scenario, { limit: 8, after: met.at(-1) }));
      scenario.allocated();
    }
    expect(met.filter((id) => lasting.includes(id))).toEqual(lasting);
    expect(new Set(met).size).toBe(met.length);
  });

  it('knows users and labels', () => {
    const scenario = crowded();
    expect(page(scenario, { user: 'bob' })).toHaveLength(10);
    expect(page(scenario, { label: 'room-7' })).toEqual(page(scenario, { user: 'bob' }));
    expect(page(scenario, { user: 'alice', label: 'room-7' })).toEqual([]);
    expect(page(scenario, { user: 'carol' })).toEqual([]);
    expect(page(scenario, { userPrefix: 'bo' })).toEqual(page(scenario, { user: 'bob' }));
  });

  it('leaves out an allocation that its client does not know of yet', () => {
    const scenario = new Scenario();
    scenario.host.openDelayMs = 50;
    const client = scenario.client();
    client.transact(Method.allocate, allocateAttributes({}), () => {});
    scenario.schedule.advance(10);
    const [opening] = scenario.server.allocations;
    expect(isSession(opening!)).toBe(false);
    expect(page(scenario)).toEqual([]);
    scenario.schedule.advance(100);
    expect(page(scenario)).toEqual([opening!.id]);
  });
});
