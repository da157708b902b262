import { describe, expect, it } from 'vitest';
import { Scenario } from '../../test/virtual-network/scenario.ts';

/** Two clients of one key with a channel to a peer each. */
function talking() {
  const scenario = new Scenario();
  const clients = ['a', 'b'].map((user) => {
    const username = `1:${user}#call#key1`;
    scenario.users.add(username, 'secret', { user, label: 'call', issuer: 'key1' });
    const client = scenario.client({ username });
    client.allocate();
    const peer = scenario.peer();
    client.createPermission(peer.at);
    return { client, peer };
  });
  return { scenario, clients };
}

const nothing = { fromClientBytes: 0, fromClientPackets: 0, toClientBytes: 0, toClientPackets: 0, allocations: 0 };

describe('usage', () => {
  it('counts what every user relays, once', () => {
    const { scenario, clients } = talking();
    const [{ client, peer }] = clients as [(typeof clients)[0]];
    client.sendTo(peer.at, 'hello');
    client.sendTo(peer.at, 'you');
    const row = { issuer: 'key1', label: 'call' };
    expect(scenario.server.takeUsage()).toEqual([
      { ...row, ...nothing, user: 'a', fromClientBytes: 8, fromClientPackets: 2, allocations: 1 },
      { ...row, ...nothing, user: 'b', allocations: 1 },
    ]);
    expect(scenario.server.takeUsage()).toEqual([]);
  });

  it('keeps what an allocation relayed before it ended', () => {
    const { scenario, clients } = talking();
    scenario.server.takeUsage();
    const [{ client, peer }] = clients as [(typeof clients)[0]];
    client.sendTo(peer.at, 'hello');
    client.refresh(0);
    expect(scenario.server.takeUsage()).toMatchObject([{ user: 'a', fromClientBytes: 5, allocations: 0 }]);
    expect(scenario.server.takeUsage()).toEqual([]);
  });
});
