import { describe, expect, it } from 'vitest';
import type { Answer } from '../../test/virtual-network/answer.ts';
import { Scenario, type ScenarioOptions } from '../../test/virtual-network/scenario.ts';
import { allocateAttributes, type VirtualClient } from '../../test/virtual-network/virtual-client.ts';
import { Method } from '../stun/protocol.ts';
import type { AdmissionCandidate, AdmissionMode, AdmissionVerdict } from './admission.ts';

const relayPorts = { low: 50_000, high: 50_019 };

/** A scenario whose server asks about allocations. */
function asking(mode: AdmissionMode, verdict: AdmissionVerdict = 'allowed', options: ScenarioOptions = {}) {
  const scenario = new Scenario({ relayPorts, ...options });
  const asked: AdmissionCandidate[] = [];
  scenario.users.add('1:bob#call#key1', 'secret', { user: 'bob', label: 'call', issuer: 'key1' });
  scenario.server.setAdmission(mode);
  scenario.host.admission = (candidate) => {
    asked.push(candidate);
    return verdict;
  };
  return { scenario, asked, bob: scenario.client({ username: '1:bob#call#key1' }) };
}

/** Whatever a server holds for an allocation. */
function expectNothingLeft({ server, host }: Scenario): void {
  expect(server.population).toMatchObject({
    allocations: 0,
    users: 0,
    reservations: 0,
    deadlines: 0,
    unusablePorts: 0,
  });
  expect(server.freePorts(1)).toBe(20);
  expect(host.sockets.size).toBe(0);
  expect(host.admitted.size).toBe(0);
}

/** Begins an Allocate that takes its time. */
function allocateLater(client: VirtualClient): Answer[] {
  const answers: Answer[] = [];
  client.transact(Method.allocate, allocateAttributes({}), (answer) => answer && answers.push(answer));
  return answers;
}

describe('admission of allocations', () => {
  it('asks about those that an API key has issued, and says who they are', () => {
    const { scenario, asked, bob } = asking('issued');
    expect(bob.allocate().isSuccess).toBe(true);
    expect(scenario.client().allocate().isSuccess).toBe(true);
    expect(asked).toHaveLength(1);
    const who = { username: '1:bob#call#key1', user: 'bob', label: 'call', issuer: 'key1' };
    expect(asked[0]).toMatchObject({ ...who, client: '30.0.0.1:5000', transport: 'udp' });
    expect(scenario.server.allocation(asked[0]!.id)?.user.id).toBe('bob');
  });

  it('asks about all, or about none', () => {
    const { scenario, asked } = asking('all');
    expect(scenario.client().allocate().isSuccess).toBe(true);
    scenario.server.setAdmission('none');
    expect(scenario.client().allocate().isSuccess).toBe(true);
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['revoked', 401],
    ['key-quota', 486],
    ['user-quota', 486],
    ['budget', 486],
    ['denied', 403],
  ] as const)('refuses what is %s with %i, and holds nothing for it', (verdict, code) => {
    const { scenario, bob } = asking('issued', verdict);
    expect(bob.allocate().code).toBe(code);
    expectNothingLeft(scenario);
    expect(scenario.host.events).toMatchObject([{ kind: 'request-refused', code }]);
    scenario.server.setAdmission('none');
    expect(bob.allocate().isSuccess).toBe(true);
  });

  it('asks once for a request that is sent again', () => {
    const { scenario, asked, bob } = asking('issued');
    scenario.host.admissionDelayMs = () => 1200;
    const answers = allocateLater(bob);
    scenario.pass(1);
    expect(answers).toHaveLength(0);
    scenario.pass(1);
    expect(answers).toMatchObject([{ isSuccess: true }]);
    expect(asked).toHaveLength(1);
  });

  it('gives an even port and the next back when it is refused', () => {
    const { scenario, bob } = asking('issued', 'denied');
    expect(bob.allocate({ evenPort: 'reserve-next' }).code).toBe(403);
    expectNothingLeft(scenario);
  });

  it('gives a reserved port back when its redemption is refused', () => {
    const { scenario, bob } = asking('issued');
    const token = bob.allocate({ evenPort: 'reserve-next' }).reservationToken!;
    bob.refresh(0);
    scenario.host.admission = () => 'denied';
    const second = scenario.client({ username: '1:bob#call#key1' });
    expect(second.allocate({ reservationToken: token }).code).toBe(403);
    // The redeemed reservation is forgotten when its time is over.
    scenario.pass(30);
    expectNothingLeft(scenario);
  });

  it('tells when an allocation that was allowed comes to nothing', () => {
    const { scenario, bob } = asking('issued');
    scenario.host.openFailure = () => 'unavailable';
    expect(bob.allocate().code).toBe(508);
    expectNothingLeft(scenario);
    expect(scenario.host.events.map(({ kind }) => kind)).toContain('admission-unused');
  });

  it.each([50, 150])('tells when the allocation is ended %i ms after it was asked for', (milliseconds) => {
    const { scenario, bob } = asking('issued');
    scenario.host.admissionDelayMs = () => 100;
    scenario.host.openDelayMs = 100;
    allocateLater(bob);
    scenario.pass(milliseconds / 1000);
    expect(scenario.server.population.allocations).toBe(1);
    for (const { id } of [...scenario.server.allocations]) {
      scenario.server.endAllocation(id, 'revoked', scenario.schedule.time);
    }
    scenario.host.run();
    bob.vanish();
    scenario.pass(1);
    expectNothingLeft(scenario);
  });

  it('ends all allocations of a key, those as well that are not answered yet', () => {
    const { scenario, bob } = asking('issued');
    bob.allocate();
    scenario.host.admissionDelayMs = () => 100;
    allocateLater(scenario.client({ username: '1:bob#call#key1' }));
    scenario.pass(0.05);
    const ofKey = scenario.server.endAllocations(
      ({ authenticated }) => authenticated.credential.issuer === 'key1',
      'revoked',
      scenario.schedule.time,
    );
    scenario.host.run();
    expect(ofKey).toBe(2);
    expect(bob.refresh().code).toBe(437);
  });
});
