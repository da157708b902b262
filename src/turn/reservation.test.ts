import { describe, expect, it } from 'vitest';
import { Scenario } from '../../test/virtual-network/scenario.ts';

/** A scenario in which alice holds an even port and a token for the next. */
function reserved() {
  const scenario = new Scenario({ relayPorts: { low: 50_000, high: 50_019 } });
  const client = scenario.client();
  const answer = client.allocate({ evenPort: 'reserve-next' });
  return { scenario, client, even: answer.relayed, token: answer.reservationToken! };
}

describe('a reservation (EVEN-PORT with the R bit, RFC 8656 §7.2)', () => {
  it('opens the even port and the next one', () => {
    const { scenario, even, token } = reserved();
    expect(even.port % 2).toBe(0);
    expect(token).toHaveLength(8);
    expect([...scenario.host.sockets.keys()].map(({ local }) => local.port)).toEqual([even.port, even.port + 1]);
    expect(scenario.server.population).toMatchObject({ allocations: 1, reservations: 1 });
  });

  it('is redeemed once, by the same user from another five-tuple', () => {
    const { scenario, even, token } = reserved();
    const second = scenario.client();
    expect(second.allocate({ reservationToken: token }).relayed.port).toBe(even.port + 1);
    expect(scenario.server.population).toMatchObject({ allocations: 2, reservations: 0 });
    expect(scenario.client().allocate({ reservationToken: token }).code).toBe(508);
    second.refresh(0);
    expect(scenario.host.sockets.size).toBe(1);
  });

  it('is no use to another user, and stays for its owner', () => {
    const { scenario, even, token } = reserved();
    scenario.users.add('bob', 'hello');
    const bob = scenario.client({ username: 'bob', password: 'hello' });
    expect(bob.allocate({ reservationToken: token }).code).toBe(508);
    expect(scenario.client().allocate({ reservationToken: token }).relayed.port).toBe(even.port + 1);
  });

  it('outlives the allocation that made it', () => {
    const { scenario, client, even, token } = reserved();
    client.refresh(0);
    expect(scenario.server.population).toMatchObject({ allocations: 0, reservations: 1, users: 1 });
    expect(scenario.client().allocate({ reservationToken: token }).relayed.port).toBe(even.port + 1);
  });

  it('lasts 30 seconds, then gives its port back', () => {
    const { scenario, client, token } = reserved();
    client.refresh(0);
    scenario.pass(29.999);
    expect(scenario.server.population.reservations).toBe(1);
    scenario.pass(0.001);
    expect(scenario.server.population).toMatchObject({ reservations: 0, users: 0, deadlines: 0 });
    expect(scenario.host.sockets.size).toBe(0);
    expect(scenario.server.freePorts(1)).toBe(20);
    expect(scenario.client().allocate({ reservationToken: token }).code).toBe(508);
  });

  it('ends with its socket', () => {
    const { scenario, even, token } = reserved();
    scenario.host.loseSocket(scenario.socketOf({ ...even, port: even.port + 1 }));
    expect(scenario.server.population.reservations).toBe(0);
    expect(scenario.client().allocate({ reservationToken: token }).code).toBe(508);
    expect(scenario.server.freePorts(1)).toBe(19);
  });

  it('takes in no packets while it waits', () => {
    const { scenario, even } = reserved();
    const peer = scenario.peer();
    peer.send({ ...even, port: even.port + 1 }, 'too early');
    scenario.schedule.settle();
    expect(scenario.server.counters.dropped('no-permission')).toBe(1);
  });

  it('is tried at another pair when one of the two ports is taken by another program', () => {
    const scenario = new Scenario();
    let refused = 0;
    scenario.host.openFailure = ({ local }) => (local.port % 2 === 1 && refused++ === 0 ? 'port-in-use' : undefined);
    const answer = scenario.client().allocate({ evenPort: 'reserve-next' });
    expect(answer.code).toBe(0);
    expect([...scenario.host.sockets.keys()].map(({ local }) => local.port)).toEqual([
      answer.relayed.port,
      answer.relayed.port + 1,
    ]);
    expect(scenario.server.freePorts(1)).toBe(16_382);
  });
});
