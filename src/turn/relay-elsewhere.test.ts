import { describe, expect, it } from 'vitest';
import { Scenario, type ScenarioOptions } from '../../test/virtual-network/scenario.ts';
import { address } from '../../test/virtual-network/virtual-network.ts';
import { formatTransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import type { RelayAddress } from './options.ts';

const plain: ScenarioOptions = {};
/** Behind a 1:1 NAT, with a relay address that the policy denies. */
const natted: ScenarioOptions = { ipv4: { local: address('10.0.0.5:0').ip, external: address('41.0.0.1:0').ip } };
const ipv6: ScenarioOptions = {
  ipv6: { local: address('[fd00::5]:0').ip, external: address('[2a00:41::1]:0').ip },
};

/** Two clients, each on a server of its own of one daemon, that have permitted each other. */
function meeting(options: ScenarioOptions = {}, ip?: string, family: AddressFamily = AddressFamily.ipv4) {
  const scenario = new Scenario({ ...options, servers: 2 });
  const allocated = (servedBy: number) => {
    const client = scenario.client({ servedBy });
    return { client, relayed: client.allocate({ family }).relayed };
  };
  const [a, b] = [allocated(0), allocated(1)];
  const reach = (relayed: { port: number }) => address(`${ip ?? a.relayed.ip.text}:${relayed.port}`);
  a.client.createPermission(reach(b.relayed), a.relayed);
  b.client.createPermission(reach(a.relayed), b.relayed);
  const dropped = (reason: 'no-such-relay' | 'no-permission' | 'own-service') =>
    scenario.hosts.reduce((sum, { server }) => sum + server.counters.dropped(reason), 0);
  return { scenario, a, b, toB: reach(b.relayed), dropped };
}

describe('two clients on two servers of one daemon', () => {
  it.each([
    ['at a public relay address', plain, undefined],
    ['behind a 1:1 NAT, by the external address', natted, '41.0.0.1'],
    ['behind a 1:1 NAT, by the relay address', natted, '10.0.0.5'],
  ])('reach each other %s', (_, options, ip) => {
    const { a, b, toB } = meeting(options, ip);
    a.client.sendTo(toB, 'hello');
    expect(b.client.received).toEqual([{ peer: a.relayed, channel: undefined, data: 'hello' }]);
  });

  it.each([plain, natted])('reach each other over channels, both ways', (options) => {
    const { a, b } = meeting(options);
    a.client.channelBind(0x4001, b.relayed);
    b.client.channelBind(0x4002, a.relayed);
    a.client.sendOn(0x4001, 'there');
    b.client.sendOn(0x4002, 'and back');
    expect(b.client.received).toEqual([{ peer: undefined, channel: 0x4002, data: 'there' }]);
    expect(a.client.received).toEqual([{ peer: undefined, channel: 0x4001, data: 'and back' }]);
  });

  it('reach each other over IPv6', () => {
    const { a, b } = meeting(ipv6, '[2a00:41::1]', AddressFamily.ipv6);
    a.client.sendTo(b.relayed, 'hello');
    expect(b.client.received).toEqual([{ peer: a.relayed, channel: undefined, data: 'hello' }]);
  });

  it('reach each other without leaving the machine: a 1:1 NAT may not lead a packet back', () => {
    const { scenario, a, b, toB } = meeting(natted);
    const left: string[] = [];
    scenario.host.observer = { toPeer: ({ peerAddress }) => left.push(formatTransportAddress(peerAddress)) };
    a.client.sendTo(toB, 'x');
    expect(left).toEqual([`10.0.0.5:${b.relayed.port}`]);
  });

  it('need a permission on both sides', () => {
    const { scenario, a, b, toB, dropped } = meeting(natted);
    scenario.pass(299);
    a.client.createPermission(toB);
    scenario.pass(1);
    a.client.sendTo(toB, 'x');
    expect([b.client.take(), dropped('no-permission')]).toEqual([[], 1]);
    b.client.sendTo(a.relayed, 'x');
    expect([a.client.take(), dropped('no-permission')]).toEqual([[], 2]);
  });

  it('no longer reach each other when one has left, or its server has died', () => {
    for (const leave of ['refresh', 'restart'] as const) {
      const { scenario, a, b, toB, dropped } = meeting(natted);
      if (leave === 'refresh') b.client.refresh(0);
      else scenario.restart(1);
      a.client.sendTo(toB, 'x');
      expect([dropped('no-such-relay'), scenario.network.undeliverable]).toEqual([1, 0]);
    }
  });

  it('are counted, each by its own server', () => {
    const { scenario, a, toB } = meeting(natted);
    a.client.sendTo(toB, '12345');
    const [first, second] = scenario.hosts.map(({ server }) => server.counters);
    expect(first).toMatchObject({ fromClients: { packets: 1, bytes: 5 }, toClients: { packets: 0 } });
    expect(second).toMatchObject({ fromClients: { packets: 0 }, toClients: { packets: 1, bytes: 5 } });
  });
});

describe('what another server’s relay does not open', () => {
  it.each(['41.0.0.1', '10.0.0.5'])('a port of %s that is none', (ip) => {
    const { scenario, a, dropped } = meeting(natted);
    const service = scenario.peer('10.0.0.5:5432');
    a.client.createPermission(address(`${ip}:1`));
    a.client.sendTo(address(`${ip}:5432`), 'select');
    expect([service.take(), dropped('no-such-relay')]).toEqual([[], 1]);
  });

  it('a listening port of the daemon, though the operator allows its address', () => {
    const { scenario, a, toB, dropped } = meeting({ ...natted, allow: ['41.0.0.1'] });
    const [admin, media] = [scenario.peer('41.0.0.1:8080'), scenario.peer('41.0.0.1:5004')];
    scenario.policy.setOwnServices([admin.at]);
    a.client.createPermission(toB);
    a.client.sendTo(admin.at, 'GET /');
    a.client.sendTo(media.at, 'x');
    expect([admin.take(), media.take(), dropped('own-service')]).toEqual([[], ['x'], 1]);
  });

  it('the way to a peer elsewhere whose port has the number of a relay', () => {
    const { scenario, a, b } = meeting(natted);
    const peer = scenario.peer(`20.0.0.1:${b.relayed.port}`);
    a.client.createPermission(peer.at);
    a.client.sendTo(peer.at, 'x');
    expect(peer.take()).toEqual(['x']);
  });

  it('a TCP relay', () => {
    const { scenario, a, dropped } = meeting(natted);
    const stream = { id: 9, transport: 'tcp', local: address('40.0.0.1:5349') } as const;
    const host = scenario.hosts[1]!;
    host.listen(stream);
    const client = scenario.client({ server: stream.local });
    const { relayed } = client.allocate({ transport: 6 });
    a.client.sendTo(relayed, 'x');
    expect([dropped('no-such-relay'), scenario.network.undeliverable]).toEqual([1, 0]);
  });

  it('a program here that sends from a port that is no relay: it is not taken for a client', () => {
    const { scenario, b, dropped } = meeting(natted);
    const program = scenario.peer('10.0.0.5:5432');
    const socket = scenario.socketOf(b.relayed);
    b.client.createPermission(address('41.0.0.1:5432'));
    scenario.hosts[1]!.fromPeer(socket, program.at, Buffer.from('x'));
    scenario.schedule.settle();
    expect([b.client.take(), dropped('no-permission')]).toEqual([[], 1]);
  });

  it('someone elsewhere who sends from the port of a relay', () => {
    const { scenario, a, b, dropped } = meeting(natted);
    const socket = scenario.socketOf(b.relayed);
    scenario.hosts[1]!.fromPeer(socket, address(`20.0.0.1:${a.relayed.port}`), Buffer.from('x'));
    scenario.schedule.settle();
    expect([b.client.take(), dropped('no-permission')]).toEqual([[], 1]);
  });
});

describe('when the relay address changes', () => {
  const moved: RelayAddress = { local: address('10.0.0.6:0').ip, external: address('41.0.0.1:0').ip };

  function move({ scenario }: ReturnType<typeof meeting>, to: RelayAddress | undefined): void {
    for (const { server } of scenario.hosts) server.setRelayAddress(AddressFamily.ipv4, to);
  }

  it('nothing goes to the old ports at the new address, where they may be another program’s', () => {
    const met = meeting(natted);
    move(met, moved);
    const stranger = met.scenario.peer(`10.0.0.6:${met.b.relayed.port}`);
    met.a.client.sendTo(met.toB, 'x');
    expect([stranger.take(), met.b.client.take(), met.dropped('no-such-relay')]).toEqual([[], [], 1]);
  });

  it('clients that allocate anew reach each other there', () => {
    const met = meeting(natted);
    move(met, moved);
    const { scenario } = met;
    const [a, b] = [scenario.allocated({ servedBy: 0 }), scenario.allocated({ servedBy: 1 })];
    a.client.createPermission(b.relayed);
    b.client.createPermission(a.relayed);
    a.client.sendTo(b.relayed, 'hello');
    expect(b.client.received).toEqual([{ peer: a.relayed, channel: undefined, data: 'hello' }]);
  });

  it('back to what it was, they reach each other again', () => {
    const met = meeting(natted);
    move(met, undefined);
    met.a.client.sendTo(met.toB, 'lost');
    move(met, natted.ipv4);
    met.a.client.sendTo(met.toB, 'hello');
    expect(met.b.client.take()).toEqual(['hello']);
  });
});
