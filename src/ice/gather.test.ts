import { beforeEach, describe, expect, it } from 'vitest';
import { address } from '../../test/client/scripted-socket.ts';
import { credentials as account, ScriptedTurnServer } from '../../test/client/scripted-turn-server.ts';
import { VirtualGathering } from '../../test/ice/virtual-gathering.ts';
import { AddressFamily } from '../stun/protocol.ts';
import type { GatheredCandidate, GatherReport } from './report.ts';
import { formatCandidate } from './sdp.ts';

const stun = '203.0.113.1:3478';
const turn = '203.0.113.2:3478';
const turnTcp = `turn:${turn}?transport=tcp`;
const credentials = { ...account, source: 'password' } as const;
const askStun = { urls: [`stun:${stun}`] };
const askTurn = { urls: [`turn:${turn}`], credentials };

let machine: VirtualGathering;
let turnServer: ScriptedTurnServer;
beforeEach(() => {
  machine = new VirtualGathering();
  turnServer = new ScriptedTurnServer();
  machine.serveStun(stun);
  machine.serveStun(turn, turnServer);
});

const shown = ({ candidates }: GatherReport, type?: GatheredCandidate['type']) =>
  candidates.filter((candidate) => type === undefined || candidate.type === type).map(describeCandidate);

/** Without foundation and priority, which have tests of their own. */
function describeCandidate(candidate: GatheredCandidate): string {
  return formatCandidate(candidate).split(' ').toSpliced(0, 2).toSpliced(1, 1).join(' ');
}

describe('host candidates', () => {
  it('are for each address over UDP and both ways over TCP', async () => {
    expect(shown(await machine.gather())).toEqual([
      'udp 192.168.1.2 50000 typ host',
      'tcp 192.168.1.2 9 typ host tcptype active',
      'tcp 192.168.1.2 40000 typ host tcptype passive',
    ]);
  });

  it('leave out link-local addresses of IPv6, and prefer IPv6 that is public and interfaces that are real', async () => {
    machine.interfaces = [
      { name: 'docker0', secondary: true, addresses: ['172.17.0.1'] },
      { name: 'eth0', addresses: ['192.168.1.2', '2001:db8::2', 'fd00::2', 'fe80::2'] },
      { name: 'lo', addresses: ['127.0.0.1', '::1'] },
    ];
    const { candidates } = await machine.gather();
    const udp = candidates.filter(({ protocol }) => protocol === 'udp').sort((a, b) => b.priority - a.priority);
    expect(udp.map((one) => one.address)).toEqual(['2001:db8::2', '192.168.1.2', 'fd00::2', '172.17.0.1']);
    expect(new Set(candidates.map(({ priority }) => priority)).size).toBe(candidates.length);
  });

  it('are from loopback where there is nothing else, or when that is asked for', async () => {
    machine.interfaces = [{ name: 'lo', addresses: ['127.0.0.1'] }];
    expect(shown(await machine.gather())).toHaveLength(3);
    machine.interfaces.unshift({ name: 'eth0', addresses: ['192.168.1.2'] });
    expect(shown(await machine.gather())).toHaveLength(3);
    expect(shown(await machine.gather({ loopback: true }))).toHaveLength(6);
  });

  it('may be of one family only', async () => {
    machine.interfaces[0]!.addresses.push('2001:db8::2');
    const { candidates } = await machine.gather({ families: [AddressFamily.ipv6] });
    expect(new Set(candidates.map(({ family }) => family))).toEqual(new Set(['ipv6']));
  });

  it('show names in place of addresses, the same for the same address, also in what comes of them', async () => {
    const { candidates } = await machine.gather({ mdns: true, servers: [askStun] });
    const names = new Set(candidates.filter(({ type }) => type === 'host').map((one) => one.address));
    expect([...names]).toEqual([
      expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.local$/),
    ]);
    expect(shown({ candidates } as GatherReport, 'srflx')).toEqual([
      'udp 198.51.100.9 50000 typ srflx raddr 0.0.0.0 rport 0',
    ]);
  });
});

describe('servers', () => {
  it('give reflexive and relayed candidates, as fast as they answer', async () => {
    const report = await machine.gather({ servers: [askStun, askTurn] });
    expect(shown(report, 'srflx')).toEqual(['udp 198.51.100.9 50000 typ srflx raddr 192.168.1.2 rport 50000']);
    expect(shown(report, 'relay')).toEqual(['udp 203.0.113.5 51234 typ relay raddr 198.51.100.9 rport 40000']);
    expect(report.servers.map(({ status }) => status)).toEqual(['answered', 'answered']);
    expect(report.errors).toEqual([]);
    expect(report.elapsedMs).toBeLessThan(100);
  });

  it('give relays of one foundation to all addresses of this machine, since a relay is its own base', async () => {
    machine.interfaces.push({ name: 'wlan0', addresses: ['192.168.7.2'] });
    let port = 51_000;
    turnServer.alter = (answer) => {
      turnServer.relayedAddress = address('203.0.113.5', ++port);
      return [answer];
    };
    const { candidates } = await machine.gather({ servers: [askTurn, { urls: [turnTcp], credentials }] });
    const relays = candidates.filter(({ type }) => type === 'relay');
    expect(relays.map(({ networkInterface }) => networkInterface).sort()).toEqual(['eth0', 'eth0', 'wlan0', 'wlan0']);
    const of = (protocol: string) =>
      relays.filter((one) => one.relayProtocol === protocol).map((one) => one.foundation);
    expect([new Set(of('udp')).size, new Set(of('tcp')).size]).toEqual([1, 1]);
    expect(of('udp')[0]).not.toBe(of('tcp')[0]);
  });

  it('get everything back: allocations, sockets and timers', async () => {
    await machine.gather({ servers: [askStun, askTurn, { urls: [turnTcp], credentials }] });
    expect(machine.arrived.filter((request) => request === `${turn} refresh`)).toHaveLength(2);
    expect(machine.open.size).toBe(0);
    expect(machine.clock.armed).toBe(0);
  });

  it('are asked once for the same thing', async () => {
    await machine.gather({ servers: [askStun, askStun, { urls: [`turn:${stun}`], credentials }] });
    expect(machine.arrived.filter((request) => request === `${stun} binding`)).toHaveLength(1);
  });

  it('that see the host address itself give no reflexive candidate, which is said in a private network', async () => {
    machine.nat = (local) => local;
    const report = await machine.gather({ servers: [askStun] });
    expect(shown(report, 'srflx')).toEqual([]);
    expect(report.servers[0]).toMatchObject({ status: 'answered', flags: [{ code: 'srflx_equals_host' }] });
  });

  it('are reached over TCP too, and then give no reflexive candidate', async () => {
    const report = await machine.gather({ servers: [{ urls: [turnTcp], credentials }] });
    expect(shown(report, 'srflx')).toEqual([]);
    expect(report.candidates.at(-1)).toMatchObject({
      type: 'relay',
      protocol: 'udp',
      relayProtocol: 'tcp',
      url: turnTcp,
    });
  });

  it('for STUN are not asked where relays alone are wanted', async () => {
    const report = await machine.gather({ servers: [askStun, askTurn], policy: 'relay' });
    expect(shown(report)).toEqual(['udp 203.0.113.5 51234 typ relay raddr 0.0.0.0 rport 0']);
    expect(report.servers.map(({ status }) => status)).toEqual(['not-asked', 'answered']);
    expect(machine.arrived.join()).not.toContain(stun);
  });

  it('on this machine are asked from loopback', async () => {
    machine.serveStun('127.0.0.1:3478', turnServer);
    const report = await machine.gather({ servers: [{ urls: ['turn:127.0.0.1'], credentials }] });
    expect(report.servers).toMatchObject([{ status: 'answered' }]);
    expect(shown(report, 'srflx')).toEqual([]);
  });
});

describe('a server that fails', () => {
  it('by silence holds nobody up for longer than it may', async () => {
    const dead = { urls: ['stun:203.0.113.9', 'turn:203.0.113.9', 'turn:203.0.113.9?transport=tcp'], credentials };
    const report = await machine.gather({ servers: [askStun, askTurn, dead] });
    expect(report.elapsedMs).toBeLessThanOrEqual(5000);
    expect(report.servers.map(({ status }) => status)).toEqual(['answered', 'answered', 'failed', 'failed', 'failed']);
    expect(report.errors).toMatchObject([
      { errorCode: 701, errorText: 'STUN binding request timed out.', problem: { code: 'no_answer' } },
      { errorCode: 701, errorText: 'TURN allocate request timed out.', problem: { code: 'no_answer' } },
      { errorCode: 701, errorText: 'Failed to establish connection', problem: { code: 'connect_timeout' } },
    ]);
    expect(machine.open.size).toBe(0);
  });

  it('as its host refuses it fails at once, from where it was asked', async () => {
    machine.refusing.add('203.0.113.9:3478');
    const report = await machine.gather({ servers: [{ urls: ['stun:203.0.113.9', 'turn:203.0.113.9'], credentials }] });
    expect(report.elapsedMs).toBeLessThan(600);
    expect(report.errors).toMatchObject([
      { url: 'stun:203.0.113.9', address: '192.168.1.2', port: 50000, problem: { code: 'refused' } },
      { url: 'turn:203.0.113.9', address: '192.168.1.2', port: expect.any(Number), problem: { code: 'refused' } },
    ]);
  });

  it('as it knows another password says 401', async () => {
    turnServer.password = 'another';
    const report = await machine.gather({ servers: [askTurn] });
    expect(report.servers).toMatchObject([{ status: 'failed' }]);
    expect(report.errors).toMatchObject([{ errorCode: 401, problem: { code: 'wrong_credentials' } }]);
    // It has told an address nevertheless.
    expect(shown(report, 'srflx')).toHaveLength(1);
  });

  it('as it gets no credentials says 401 too, with another cause', async () => {
    const { errors } = await machine.gather({ servers: [{ urls: [`turn:${turn}`] }] });
    expect(errors).toMatchObject([{ errorCode: 401, problem: { code: 'credentials_missing' } }]);
  });

  it('as it only does STUN is told from one that is silent', async () => {
    const { errors } = await machine.gather({ servers: [{ urls: [`turn:${stun}`], credentials }] });
    expect(errors[0]?.problem.cause).toContain('answers Binding but not Allocate');
  });

  it.each([
    ['does not exist', [], 'name_not_found'],
    ['is nowhere to be asked for', undefined, 'dns_unavailable'],
  ])('as its name %s', async (_, addresses, code) => {
    if (addresses !== undefined) machine.names.set('turn.example.org', addresses);
    const report = await machine.gather({ servers: [{ urls: ['turn:turn.example.org'], credentials }, askStun] });
    expect(report.errors).toMatchObject([
      { errorText: 'TURN host lookup received error.', server: null, problem: { code } },
    ]);
    expect(report.servers.map(({ status }) => status)).toEqual(['failed', 'answered']);
    expect(report.elapsedMs).toBeLessThanOrEqual(5000);
  });

  it('as there is no address of its family here', async () => {
    const { errors } = await machine.gather({ servers: [{ urls: ['stun:[2001:db8::1]'] }] });
    expect(errors).toMatchObject([{ address: null, problem: { code: 'unreachable' } }]);
  });

  it('at its first address is asked at the next', async () => {
    machine.names.set('stun.example.org', ['203.0.113.9', '203.0.113.1']);
    machine.names.set('turn.example.org', ['203.0.113.9', '203.0.113.2']);
    const servers = [{ urls: ['stun:stun.example.org', 'turn:turn.example.org'], credentials }];
    const report = await machine.gather({ servers });
    expect(report.servers.map(({ status }) => status)).toEqual(['answered', 'answered']);
    expect(report.elapsedMs).toBeLessThan(3000);
  });

  it.each([
    ['http://turn.example.org', 'bad_url'],
    ['turns:turn.example.org?transport=udp', 'dtls'],
  ])('as %s is no URL that anybody can use', async (url, code) => {
    const report = await machine.gather({ servers: [{ urls: [url] }, askStun] });
    expect(report.errors).toMatchObject([{ errorCode: 701, problem: { code } }]);
    expect(report.servers.map(({ status }) => status)).toEqual(['failed', 'answered']);
  });

  it('as it speaks no TLS where TLS is expected is told what to use', async () => {
    machine.serveStun('203.0.113.2:5349', turnServer);
    const { errors } = await machine.gather({ servers: [{ urls: ['turns:203.0.113.2'], credentials }] });
    expect(errors).toMatchObject([
      { errorText: 'Failed to establish connection', problem: { code: 'plain_expected' } },
    ]);
  });

  it('for STUN over TLS fails in the same words', async () => {
    const report = await machine.gather({ servers: [{ urls: ['stuns:203.0.113.9'] }] });
    expect(report.errors).toMatchObject([{ url: 'stuns:203.0.113.9', problem: { code: 'connect_timeout' } }]);
    expect(machine.open.size).toBe(0);
  });

  it('from one address of this machine but not from another has not failed, nor does it take long', async () => {
    machine.interfaces.push({ name: 'docker0', secondary: true, addresses: ['172.17.0.1'] });
    machine.deadEnds.add('172.17.0.1');
    const report = await machine.gather({ servers: [askStun, askTurn] });
    expect(report.servers.map(({ status }) => status)).toEqual(['answered', 'answered']);
    expect(report.errors.map(({ address, problem }) => [address, problem.code])).toEqual([
      ['172.17.0.1', 'no_answer_here'],
      ['172.17.0.1', 'no_answer_here'],
    ]);
    expect(report.elapsedMs).toBeLessThan(600);
  });

  it('shows no address where names are to hide them', async () => {
    const { errors } = await machine.gather({ servers: [{ urls: ['stun:203.0.113.9'] }], mdns: true });
    expect(errors).toMatchObject([{ address: null, port: null }]);
  });
});

describe('an interruption', () => {
  it('ends gathering at once, and gives everything back', async () => {
    const stop = new AbortController();
    const errors: unknown[] = [];
    const candidates: string[] = [];
    const dead = { urls: ['stun:203.0.113.9', 'turn:203.0.113.9', 'turn:203.0.113.9?transport=tcp'], credentials };
    machine.clock.schedule(200, () => stop.abort());
    const report = await machine.gather({
      servers: [askTurn, dead],
      signal: stop.signal,
      onError: (error) => errors.push(error),
      onCandidate: ({ type }) => candidates.push(type),
    });
    expect(report.elapsedMs).toBeLessThan(250);
    expect(candidates).toContain('relay');
    expect(errors).toEqual([]);
    expect(machine.arrived).toContain(`${turn} refresh`);
    await machine.clock.advance(20);
    expect(machine.open.size).toBe(0);
    expect(machine.clock.armed).toBe(0);
  });
});

describe('flags', () => {
  const codes = (flags: readonly { readonly code: string }[] = []) => flags.map(({ code }) => code);

  it('point out a NAT that gives a socket another port for each server', async () => {
    machine.serveStun('203.0.113.3:3478');
    machine.nat = ({ port }, to) => address('198.51.100.9', port + (to.ip.w0 & 3));
    const report = await machine.gather({ servers: [askStun, { urls: ['stun:203.0.113.3'] }] });
    expect(codes(report.flags)).toEqual(['symmetric_nat']);
    expect(shown(report, 'srflx')).toHaveLength(2);
  });

  it('point out several ways out, but not a server within the network', async () => {
    machine.serveStun('203.0.113.3:3478');
    const two = [askStun, { urls: ['stun:203.0.113.3'] }];
    machine.nat = ({ port }, to) => address(to.ip.text === '203.0.113.3' ? '198.51.100.10' : '198.51.100.9', port);
    expect(codes((await machine.gather({ servers: two })).flags)).toEqual(['srflx_addresses_differ']);
  });

  it.each([
    ['10.1.2.3', 'srflx_private'],
    ['100.64.0.7', 'srflx_carrier'],
  ])('point out a reflexive address that is no public one: %s', async (ip, code) => {
    machine.nat = ({ port }) => address(ip, port);
    const { candidates } = await machine.gather({ servers: [askStun] });
    expect(codes(candidates.at(-1)?.flags)).toEqual([code]);
  });

  it.each([
    ['10.1.2.3', 'relayed_address_private'],
    ['127.0.0.1', 'relayed_address_loopback'],
    ['198.51.100.9', 'relayed_address_yours'],
    ['192.168.1.2', 'relay_equals_host'],
  ])('point out a relayed address that nobody reaches: %s', async (ip, code) => {
    turnServer.relayedAddress = address(ip, 51234);
    const { candidates } = await machine.gather({ servers: [askTurn] });
    expect(codes(candidates.at(-1)?.flags)).toContain(code);
  });

  it('point out that UDP seems to be blocked', async () => {
    machine.deadEnds.add('192.168.1.2');
    const { flags } = await machine.gather({ servers: [askStun, askTurn, { urls: [turnTcp], credentials }] });
    expect(codes(flags)).toEqual(['udp_blocked']);
  });
});
