import { describe, expect, it } from 'vitest';
import { LISTENER, Scenario, type ScenarioOptions } from '../../test/virtual-network/scenario.ts';
import { address } from '../../test/virtual-network/virtual-network.ts';

const natted: ScenarioOptions = { ipv4: { local: address('10.0.0.5:0').ip, external: address('41.0.0.1:0').ip } };

/** Two clients of one server that have permitted each other at these IP addresses. */
function meeting(options: ScenarioOptions, ip?: string) {
  const scenario = new Scenario(options);
  const [a, b] = [scenario.allocated(), scenario.allocated()];
  const reach = (relayed: { port: number }) => address(`${ip ?? a.relayed.ip.text}:${relayed.port}`);
  a.client.createPermission(reach(b.relayed), a.relayed);
  b.client.createPermission(reach(a.relayed), b.relayed);
  return { scenario, a, b, toB: reach(b.relayed) };
}

describe('two clients on one server', () => {
  it('reach each other, inside the process', () => {
    const { scenario, a, b, toB } = meeting({});
    let left = 0;
    scenario.host.observer = { toPeer: () => void left++ };
    a.client.sendTo(toB, 'hello');
    expect(b.client.received).toEqual([{ peer: a.relayed, channel: undefined, data: 'hello' }]);
    expect(left).toBe(0);
  });

  it.each(['41.0.0.1', '10.0.0.5'])('reach each other behind a 1:1 NAT at %s; the source is external', (ip) => {
    const { a, b, toB } = meeting(natted, ip);
    expect(a.relayed.ip.text).toBe('41.0.0.1');
    a.client.sendTo(toB, 'hello');
    expect(b.client.received).toEqual([{ peer: a.relayed, channel: undefined, data: 'hello' }]);
  });

  it('reach each other over channels, both ways', () => {
    const { a, b } = meeting(natted);
    a.client.channelBind(0x4001, b.relayed);
    b.client.channelBind(0x4002, a.relayed);
    a.client.sendOn(0x4001, 'there');
    b.client.sendOn(0x4002, 'and back');
    expect(b.client.received).toEqual([{ peer: undefined, channel: 0x4002, data: 'there' }]);
    expect(a.client.received).toEqual([{ peer: undefined, channel: 0x4001, data: 'and back' }]);
  });

  it('of different families of client reach each other', () => {
    const scenario = new Scenario();
    const a = scenario.allocated({ at: '[2a01::7]:5000' });
    const b = scenario.allocated();
    a.client.createPermission(b.relayed);
    b.client.createPermission(a.relayed);
    a.client.sendTo(b.relayed, 'x');
    expect(b.client.take()).toEqual(['x']);
  });

  it('need a permission on both sides', () => {
    const scenario = new Scenario();
    const [a, b] = [scenario.allocated(), scenario.allocated()];
    a.client.sendTo(b.relayed, 'x');
    expect(scenario.server.counters.dropped('no-permission')).toBe(1);
    a.client.createPermission(b.relayed);
    a.client.sendTo(b.relayed, 'x');
    expect(scenario.server.counters.dropped('no-permission')).toBe(2);
    expect(b.client.take()).toEqual([]);
  });

  it('no longer reach each other when one has left', () => {
    const { scenario, a, b, toB } = meeting({});
    b.client.refresh(0);
    a.client.sendTo(toB, 'x');
    expect(scenario.server.counters.dropped('no-such-relay')).toBe(1);
    expect(scenario.network.undeliverable).toBe(0);
  });

  it('a client may send to itself', () => {
    const { scenario, a } = meeting({});
    a.client.sendTo(a.relayed, 'echo');
    expect(a.client.received).toEqual([{ peer: a.relayed, channel: undefined, data: 'echo' }]);
    expect(scenario.server.counters.toClients.packets).toBe(1);
  });
});

describe('a port of the relay address that is no live relay gets nothing', () => {
  it.each([
    ['at a public relay address', {}, '40.0.0.1'],
    ['in external form', natted, '41.0.0.1'],
    ['in relay form', natted, '10.0.0.5'],
  ] as const)('%s', (_, options, ip) => {
    const scenario = new Scenario(options);
    const { client } = scenario.allocated();
    const service = scenario.peer(`${ip}:5432`);
    expect(client.createPermission(service.at).code).toBe(0);
    expect(client.channelBind(0x4000, service.at).code).toBe(0);
    client.sendTo(service.at, 'select');
    client.sendOn(0x4000, 'select');
    expect(service.take()).toEqual([]);
    expect(scenario.server.counters.dropped('no-such-relay')).toBe(2);
  });

  it('unless the operator allows that address', () => {
    const scenario = new Scenario({ allow: ['40.0.0.1'] });
    const { client } = scenario.allocated();
    const media = scenario.peer('40.0.0.1:5004');
    client.createPermission(media.at);
    client.sendTo(media.at, 'x');
    expect(media.take()).toEqual(['x']);
  });

  it('and a reserved port neither', () => {
    const scenario = new Scenario();
    const { client } = scenario.allocated();
    const even = scenario.client().allocate({ evenPort: 'reserve-next' }).relayed;
    client.createPermission(even);
    client.sendTo({ ...even, port: even.port + 1 }, 'x');
    expect(scenario.server.counters.dropped('no-such-relay')).toBe(1);
  });
});

describe('the services of the daemon itself are never peers', () => {
  it.each([
    ['by default', {}],
    ['though the operator allows the address', { allow: ['40.0.0.1', '0.0.0.0/0'] }],
  ] as const)('%s', (_, options) => {
    const scenario = new Scenario(options);
    const { client } = scenario.allocated();
    let left = 0;
    scenario.host.observer = { toPeer: () => void left++ };
    expect(client.channelBind(0x4000, LISTENER).code).toBe(403);
    client.createPermission(LISTENER);
    client.sendTo(LISTENER, client.build(1));
    expect(left).toBe(0);
  });

  it('at another port of the same address a peer is served', () => {
    const scenario = new Scenario({ allow: ['44.0.0.1'] });
    scenario.policy.setOwnServices([address('44.0.0.1:8080')]);
    const { client } = scenario.allocated();
    const [http, media] = [scenario.peer('44.0.0.1:8080'), scenario.peer('44.0.0.1:5004')];
    client.createPermission(http.at);
    client.sendTo(http.at, 'GET /');
    client.sendTo(media.at, 'x');
    expect([http.take(), media.take()]).toEqual([[], ['x']]);
    expect(scenario.server.counters.dropped('own-service')).toBe(1);
  });
});
