import { describe, expect, it } from 'vitest';
import { generousLimits, Scenario, type ScenarioOptions } from '../../test/virtual-network/scenario.ts';
import { address } from '../../test/virtual-network/virtual-network.ts';
import type { Listener } from './five-tuple.ts';

/** A client, and what a data plane below the process is told. */
function bench(options: ScenarioOptions = {}) {
  const scenario = new Scenario(options);
  const client = scenario.client();
  const { relayed } = client.allocate({ lifetimeSeconds: 3600 });
  return { scenario, client, relayed, peer: scenario.peer(), told: record(scenario) };
}

/** Writes down `+` and the channel for each bind, `-` and the channel for each unbind. */
function record({ server }: Scenario): string[] {
  const told: string[] = [];
  const take = server.takeOutputs.bind(server);
  server.takeOutputs = () => {
    const outputs = take();
    for (const output of outputs) {
      if (output.kind === 'bind-channel') told.push(`+${output.binding.channel.toString(16)}`);
      if (output.kind === 'unbind-channel') told.push(`-${output.binding.channel.toString(16)}`);
      if (output.kind === 'close-relay') told.push('closed');
    }
    return outputs;
  };
  return told;
}

describe('a data plane is told of a channel', () => {
  it('once, however often it is renewed, and of its end', () => {
    const { scenario, client, peer, told } = bench();
    for (let i = 0; i < 3; i++) client.channelBind(0x4000, peer.at);
    client.createPermission(peer.at);
    expect(told).toEqual(['+4000']);
    scenario.pass(299);
    client.createPermission(peer.at);
    scenario.pass(299);
    client.createPermission(peer.at);
    expect(told).toEqual(['+4000']);
    scenario.pass(2);
    expect(told).toEqual(['+4000', '-4000']);
  });

  it('while its permission is in force, and not a moment longer', () => {
    const { scenario, client, peer, told } = bench();
    client.channelBind(0x4000, peer.at);
    scenario.pass(299.999);
    expect(told).toEqual(['+4000']);
    scenario.pass(0.001);
    expect(told).toEqual(['+4000', '-4000']);
    client.createPermission(peer.at);
    expect(told).toEqual(['+4000', '-4000', '+4000']);
    scenario.pass(300);
    expect(told).toEqual(['+4000', '-4000', '+4000', '-4000']);
    scenario.pass(600);
    expect(told).toHaveLength(4);
    expect(scenario.server.population).toMatchObject({ channels: 0, permissions: 0 });
  });

  it('for every channel of the permission', () => {
    const { scenario, client, peer, told } = bench();
    client.channelBind(0x4000, peer.at);
    client.channelBind(0x4001, { ...peer.at, port: 1 });
    client.channelBind(0x4002, scenario.peer().at);
    expect(told.splice(0)).toEqual(['+4000', '+4001', '+4002']);
    scenario.pass(299);
    client.createPermission(peer.at);
    scenario.pass(1);
    expect(told.splice(0)).toEqual(['-4002']);
    scenario.pass(299);
    expect(told.splice(0)).toEqual(['-4000', '-4001']);
  });

  it('before the socket is closed', () => {
    const { client, peer, told } = bench();
    client.channelBind(0x4000, peer.at);
    client.refresh(0);
    expect(told).toEqual(['+4000', '-4000', 'closed']);
  });

  it('not when there is a rate to keep', () => {
    for (const name of ['perAllocation', 'perUser', 'perServer'] as const) {
      for (const rate of ['packetsPerSecond', 'bytesPerSecond'] as const) {
        const { client, peer, told } = bench({ limits: { [name]: { ...generousLimits[name], [rate]: 1e9 } } });
        client.channelBind(0x4000, peer.at);
        expect(told).toEqual([]);
      }
    }
  });

  it('not when its client comes over TCP', () => {
    const { scenario, told } = bench();
    const stream: Listener = { id: 9, transport: 'tcp', local: address('40.0.0.1:5349') };
    scenario.host.listen(stream);
    const client = scenario.client({ server: stream.local });
    client.allocate();
    expect(client.channelBind(0x4000, scenario.peer().at).code).toBe(0);
    expect(told).toEqual([]);
  });

  it('not when its peer is on this host: packets to its own clients and services are looked at one by one', () => {
    const { scenario, client, relayed, told } = bench({ allow: ['40.0.0.1', '44.0.0.1'] });
    scenario.policy.setOwnServices([address('44.0.0.1:8080')]);
    client.channelBind(0x4000, relayed);
    client.channelBind(0x4001, address('44.0.0.1:5004'));
    expect(scenario.server.population.channels).toBe(2);
    expect(told).toEqual([]);
  });

  it('not when there is no port to send to', () => {
    const { client, peer, told } = bench();
    expect(client.channelBind(0x4000, { ...peer.at, port: 0 }).code).toBe(0);
    expect(told).toEqual([]);
  });

  it('no more once a renewal finds that the peer has become one of the own addresses', () => {
    const { scenario, client, peer, told } = bench();
    client.channelBind(0x4000, peer.at);
    scenario.policy.setOwnAddresses([peer.at.ip]);
    client.createPermission(peer.at);
    expect(told).toEqual(['+4000', '-4000']);
    scenario.policy.setOwnAddresses([]);
    client.createPermission(peer.at);
    expect(told).toEqual(['+4000', '-4000', '+4000']);
  });
});

describe('what a data plane has carried by itself', () => {
  it('counts for the allocation and for the server, in both directions', () => {
    const { scenario, client, peer } = bench();
    client.channelBind(0x4000, peer.at);
    client.sendOn(0x4000, 'abc');
    const [allocation] = scenario.server.allocations;
    const binding = allocation!.channels.get(0x4000)!;
    scenario.server.countForwarded(binding, { packets: 10, bytes: 1600 }, { packets: 20, bytes: 9000 });
    expect(allocation).toMatchObject({
      fromClient: { packets: 11, bytes: 1603 },
      toClient: { packets: 20, bytes: 9000 },
    });
    client.refresh(0);
    scenario.server.countForwarded(binding, { packets: 1, bytes: 1 }, { packets: 0, bytes: 0 });
    expect(allocation?.fromClient).toEqual({ packets: 12, bytes: 1604 });
    expect(scenario.server.counters).toMatchObject({
      fromClients: { packets: 12, bytes: 1604 },
      toClients: { packets: 20, bytes: 9000 },
    });
  });
});
