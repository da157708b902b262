import { describe, expect, it } from 'vitest';
import { Scenario, type ScenarioOptions } from '../../test/virtual-network/scenario.ts';
import { allocateAttributes } from '../../test/virtual-network/virtual-client.ts';
import { AddressFamily, Method } from '../stun/protocol.ts';

/** A scenario in which alice holds an even port and a token for the next. */
function reserved(options: ScenarioOptions = {}, servedBy = 0) {
  const scenario = new Scenario({ relayPorts: { low: 50_000, high: 50_019 }, ...options });
  const client = scenario.client({ servedBy });
  const answer = client.allocate({ evenPort: 'reserve-next' });
  return { scenario, client, even: answer.relayed, token: answer.reservationToken! };
}

describe('a reservation (EVEN-PORT with the R bit, RFC 8656 §7.2)', () => {
  it('opens the even port, and takes the next one, which has no socket until it is redeemed', () => {
    const { scenario, even, token } = reserved();
    expect(even.port % 2).toBe(0);
    expect(token).toHaveLength(8);
    expect([...scenario.host.sockets.keys()].map(({ local }) => local.port)).toEqual([even.port]);
    expect(scenario.server.population).toMatchObject({ allocations: 1, reservations: 1, relayedAddresses: 1 });
    expect(scenario.server.freePorts(1)).toBe(18);
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

  it.each(['port-in-use', 'unavailable'] as const)('is lost with 508 when its port is %s by then', (failure) => {
    const { scenario, token } = reserved();
    scenario.host.openFailure = () => failure;
    expect(scenario.client().allocate({ reservationToken: token }).code).toBe(508);
    expect(scenario.server.population).toMatchObject({ allocations: 1, reservations: 0, unusablePorts: 0 });
    expect(scenario.server.freePorts(1)).toBe(19);
  });

  it('is lost with 440 when there is no relay address of its family any more', () => {
    const { scenario, token } = reserved();
    scenario.server.setRelayAddress(AddressFamily.ipv4, undefined);
    expect(scenario.client().allocate({ reservationToken: token }).code).toBe(440);
    expect(scenario.server.population.reservations).toBe(0);
    expect(scenario.server.freePorts(1)).toBe(19);
  });

  it('stays when there are as many allocations as there may be', () => {
    const { scenario, client, token } = reserved({ limits: { allocations: 1 } });
    expect(scenario.client().allocate({ reservationToken: token }).code).toBe(508);
    client.refresh(0);
    expect(scenario.client().allocate({ reservationToken: token }).code).toBe(0);
  });

  it('takes in no packets while it waits', () => {
    const { scenario, even } = reserved();
    scenario.peer().send({ ...even, port: even.port + 1 }, 'too early');
    scenario.schedule.settle();
    expect(scenario.network.undeliverable).toBe(1);
  });

  it('is counted at once: two requests on their way do not get more than the quota between them', () => {
    const scenario = new Scenario({ limits: { allocationsPerUser: 2 } });
    const [first, second] = [scenario.allocated().client, scenario.allocated().client];
    for (const client of [first, second]) client.refresh(0);
    scenario.host.openDelayMs = 100;
    const wishes = allocateAttributes({ evenPort: 'reserve-next' });
    for (const client of [first, second]) client.send(client.build(Method.allocate, wishes));
    scenario.pass(1);
    expect([...first.answers, ...second.answers].map(({ code }) => code).sort()).toEqual([0, 486]);
  });

  it('is tried at another pair when one of the two ports is taken by another program', () => {
    const scenario = new Scenario();
    let refused = 0;
    scenario.host.openFailure = ({ local }) => (local.port % 2 === 1 && refused++ === 0 ? 'port-in-use' : undefined);
    const answer = scenario.client().allocate({ evenPort: 'reserve-next' });
    expect(answer.code).toBe(0);
    expect(scenario.server.freePorts(1)).toBe(16_382);
    const { port } = scenario.client().allocate({ reservationToken: answer.reservationToken! }).relayed;
    expect(port).toBe(answer.relayed.port + 1);
  });
});

describe('a reservation among several servers', () => {
  it('is redeemed at whichever its token meets; the port is then of that one', () => {
    const { scenario, client, even, token } = reserved({ servers: 3 }, 1);
    const second = scenario.client({ servedBy: 2 });
    expect(second.allocate({ reservationToken: token }).relayed.port).toBe(even.port + 1);
    expect(scenario.hosts.map(({ server }) => server.population.allocations)).toEqual([0, 1, 1]);
    expect(scenario.server.population.reservations).toBe(0);
    expect(scenario.server.allocationsOf('alice')).toBe(2);
    for (const servedBy of [0, 1, 2]) {
      expect(scenario.client({ servedBy }).allocate({ reservationToken: token }).code).toBe(508);
    }
    // The server that gave it finds nothing to end when its time is up.
    scenario.pass(31);
    expect(scenario.server.freePorts(1)).toBe(18);
    second.refresh(0);
    client.refresh(0);
    expect(scenario.server.freePorts(1)).toBe(20);
    expect(scenario.server.population.users).toBe(0);
  });

  it('moves the count of its user along', () => {
    const { scenario, token } = reserved({ servers: 2, limits: { allocationsPerUser: 2 } }, 0);
    expect(scenario.client({ servedBy: 1 }).allocate().code).toBe(486);
    const second = scenario.client({ servedBy: 1 });
    expect(second.allocate({ reservationToken: token }).code).toBe(0);
    expect(scenario.client({ servedBy: 0 }).allocate().code).toBe(486);
    second.refresh(0);
    expect(scenario.client({ servedBy: 0 }).allocate().code).toBe(0);
  });

  it('ends with the server that gave it', () => {
    const { scenario, token } = reserved({ servers: 2 }, 1);
    scenario.restart(1);
    expect(scenario.server.population).toMatchObject({ reservations: 0, users: 0 });
    expect(scenario.server.freePorts(1)).toBe(20);
    for (const servedBy of [0, 1]) {
      expect(scenario.client({ servedBy }).allocate({ reservationToken: token }).code).toBe(508);
    }
  });
});
