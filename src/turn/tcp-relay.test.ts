import { describe, expect, it } from 'vitest';
import { Scenario, type ScenarioOptions } from '../../test/virtual-network/scenario.ts';
import { address } from '../../test/virtual-network/virtual-network.ts';
import { writeXorAddress } from '../stun/attributes/address.ts';
import { readConnectionId, writeConnectionId } from '../stun/attributes/allocation.ts';
import { formatTransportAddress, type TransportAddress } from '../stun/ip-address.ts';
import type { MessageWriter } from '../stun/message-writer.ts';
import { Attribute, Method, TransportProtocol } from '../stun/protocol.ts';
import type { PeerConnection } from './peer-connection.ts';

const TCP = address('30.255.0.1:3478');
const tcp = { transport: TransportProtocol.tcp };
const toPeer = (peer: TransportAddress) => (writer: MessageWriter) =>
  writeXorAddress(writer, Attribute.xorPeerAddress, peer);
const peer = address('20.0.0.1:7000');

/** A server that also takes clients in over TCP, and a record of what it wants done with peer connections. */
class TcpScenario extends Scenario {
  readonly wanted: string[] = [];
  readonly connections: PeerConnection[] = [];
  #port = 6000;

  constructor(options: ScenarioOptions = {}) {
    super(options);
    this.host.listen({ id: 50, transport: 'tcp', local: TCP });
    this.host.observer.connection = (what, connection) => {
      this.wanted.push(`${what} ${formatTransportAddress(connection.target)}`);
      if (what === 'connect') this.connections.push(connection);
    };
  }

  /** A client over TCP; each has a port of its own, as each connection has. */
  tcpClient(username = 'alice') {
    return this.client({ at: `40.0.0.1:${this.#port++}`, server: TCP, username });
  }

  /** Plays the host: something happened to a peer connection. */
  happen(what: 'peerConnected' | 'peerGone', connection: PeerConnection): void {
    this.server[what](connection, this.schedule.time);
    this.host.run();
    this.pass(0);
  }
}

/** A client whose Connect was answered, and the id that it was given. */
function connected(scenario: TcpScenario) {
  const control = scenario.tcpClient();
  const allocated = control.allocate(tcp);
  const id = Buffer.alloc(4);
  control.transact(Method.connect, toPeer(peer), (answer) => {
    expect(answer?.code).toBe(0);
    id.writeUInt32BE(readConnectionId(answer!.message, answer!.message.find(Attribute.connectionId))!);
  });
  scenario.pass(0.1);
  scenario.happen('peerConnected', scenario.connections[0]!);
  scenario.pass(0.1);
  return { control, allocated, id: id.readUInt32BE() };
}

const bind = (id: number) => (writer: MessageWriter) => writeConnectionId(writer, id);

describe('an Allocate for TCP', () => {
  it('is granted over TCP and refused over UDP with 400', () => {
    const scenario = new TcpScenario();
    expect(scenario.tcpClient().allocate(tcp).relayed).toBeDefined();
    expect(scenario.client().allocate(tcp).code).toBe(400);
  });

  it('is refused with 442 where TCP relays are switched off', () => {
    const scenario = new TcpScenario({ tcpRelays: false });
    expect(scenario.tcpClient().allocate(tcp).code).toBe(442);
    expect(scenario.tcpClient().allocate().relayed).toBeDefined();
  });

  it('with EVEN-PORT, RESERVATION-TOKEN or DONT-FRAGMENT is refused with 400', () => {
    const scenario = new TcpScenario();
    const wishes = [
      { evenPort: 'reserve-nothing' },
      { reservationToken: Buffer.alloc(8) },
      { dontFragment: true },
    ] as const;
    for (const wish of wishes) expect(scenario.tcpClient().allocate({ ...tcp, ...wish }).code).toBe(400);
  });

  it('gets no channels (403) and relays no indications', () => {
    const scenario = new TcpScenario();
    const client = scenario.tcpClient();
    client.allocate(tcp);
    expect(client.channelBind(0x4000, peer).code).toBe(403);
    client.createPermission(peer);
    client.sendTo(peer, 'lost');
    expect(scenario.server.counters.dropped('bad-send-indication')).toBe(1);
  });
});

describe('Connect', () => {
  it('is answered with a CONNECTION-ID when the peer has accepted', () => {
    const scenario = new TcpScenario();
    connected(scenario);
    expect(scenario.wanted).toEqual(['connect 20.0.0.1:7000']);
  });

  it('gets 447 when the peer refuses, and when it is silent for 30 s', () => {
    for (const refused of [true, false]) {
      const scenario = new TcpScenario();
      const control = scenario.tcpClient();
      control.allocate(tcp);
      const codes: unknown[] = [];
      control.transact(Method.connect, toPeer(peer), (answer) => codes.push(answer?.code));
      scenario.pass(0.1);
      if (refused) scenario.happen('peerGone', scenario.connections[0]!);
      else scenario.pass(30);
      scenario.pass(0.1);
      expect(codes).toEqual([447]);
      expect(scenario.wanted).toEqual(['connect 20.0.0.1:7000', 'close 20.0.0.1:7000']);
      expect(scenario.server.population.connections).toBe(0);
    }
  });

  it('gets 437 without a TCP allocation, 400 without a peer, 403 for a denied one, 443 for one of the other family', () => {
    const scenario = new TcpScenario();
    const control = scenario.tcpClient();
    expect(control.request(Method.connect, toPeer(peer)).code).toBe(437);
    control.allocate();
    expect(control.request(Method.connect, toPeer(peer)).code).toBe(437);
    const other = scenario.tcpClient();
    other.allocate(tcp);
    expect(other.request(Method.connect).code).toBe(400);
    expect(other.request(Method.connect, toPeer(address('10.0.0.1:80'))).code).toBe(403);
    expect(other.request(Method.connect, toPeer(address('[2a01:4::1]:80'))).code).toBe(443);
    expect(scenario.wanted).toEqual([]);
  });

  it('gets 446 for a peer to which there is a connection, and 508 with 16 that are not bound', () => {
    const scenario = new TcpScenario();
    const { control } = connected(scenario);
    expect(control.request(Method.connect, toPeer(peer)).code).toBe(446);
    for (let i = 1; i < 16; i++) control.transact(Method.connect, toPeer(address(`20.0.1.${i}:1`)), () => {});
    scenario.pass(0.1);
    expect(control.request(Method.connect, toPeer(address('20.0.2.1:1'))).code).toBe(508);
  });

  it('to a relay of this server leads to its local address; to other ports of it, nowhere', () => {
    const scenario = new TcpScenario();
    const control = scenario.tcpClient();
    control.allocate(tcp);
    const { relayed } = scenario.tcpClient().allocate(tcp);
    control.transact(Method.connect, toPeer(relayed!), () => {});
    scenario.pass(0.1);
    expect(scenario.connections[0]?.target.port).toBe(relayed!.port);
    expect(control.request(Method.connect, toPeer({ ip: relayed!.ip, port: 22 })).code).toBe(403);
    const udp = scenario.client().allocate().relayed!;
    expect(control.request(Method.connect, toPeer(udp)).code).toBe(403);
  });
});

describe('ConnectionBind', () => {
  it('may carry the nonce that the client was given on its control connection', () => {
    const scenario = new TcpScenario();
    const { control, id } = connected(scenario);
    const data = scenario.tcpClient();
    data.realm = control.realm;
    data.nonce = control.nonce;
    const answer = data.exchange(data.build(Method.connectionBind, bind(id)));
    expect(answer?.code).toBe(0);
  });

  it('on a new connection joins the two', () => {
    const scenario = new TcpScenario();
    const { id } = connected(scenario);
    const answer = scenario.tcpClient().request(Method.connectionBind, bind(id));
    expect(answer.code).toBe(0);
    expect(scenario.wanted.at(-1)).toBe('join 20.0.0.1:7000');
    scenario.pass(60);
    expect(scenario.server.population.connections).toBe(1);
  });

  it('gets 400 for an id that does not wait, a second time, on the control connection and over UDP; 441 for another user', () => {
    const scenario = new TcpScenario();
    scenario.users.add('bob', 'secret');
    const { control, id } = connected(scenario);
    expect(control.request(Method.connectionBind, bind(id)).code).toBe(400);
    expect(scenario.client().request(Method.connectionBind, bind(id)).code).toBe(400);
    expect(scenario.tcpClient().request(Method.connectionBind, bind((id ^ 1) >>> 0)).code).toBe(400);
    expect(scenario.tcpClient().request(Method.connectionBind).code).toBe(400);
    expect(scenario.tcpClient('bob').request(Method.connectionBind, bind(id)).code).toBe(441);
    expect(scenario.tcpClient().request(Method.connectionBind, bind(id)).code).toBe(0);
    expect(scenario.tcpClient().request(Method.connectionBind, bind(id)).code).toBe(400);
  });

  it('comes too late after 30 s: the connection is closed', () => {
    const scenario = new TcpScenario();
    const { id } = connected(scenario);
    scenario.pass(30);
    expect(scenario.wanted.at(-1)).toBe('close 20.0.0.1:7000');
    expect(scenario.tcpClient().request(Method.connectionBind, bind(id)).code).toBe(400);
  });
});

describe('a peer that connects', () => {
  const attempt = (scenario: TcpScenario, relayed: TransportAddress, from: TransportAddress) => {
    const connection = scenario.server.peerAttempt(scenario.socketOf(relayed), from, scenario.schedule.time);
    scenario.host.run();
    scenario.pass(0.1);
    return connection;
  };

  it('is announced to the client when it has a permission, and closed when it has none', () => {
    const scenario = new TcpScenario();
    const control = scenario.tcpClient();
    const relayed = control.allocate(tcp).relayed!;
    expect(attempt(scenario, relayed, peer)).toBeUndefined();
    control.createPermission(peer);
    const connection = attempt(scenario, relayed, address('20.0.0.1:41000'))!;
    expect(formatTransportAddress(connection.peer)).toBe('20.0.0.1:41000');
    expect(scenario.tcpClient().request(Method.connectionBind, bind(connection.id)).code).toBe(0);
    expect(scenario.wanted).toEqual(['join 20.0.0.1:41000']);
  });

  it('is another client of this server at its external address', () => {
    const external = { local: address('30.0.0.9:1').ip, external: address('50.0.0.9:1').ip };
    const scenario = new TcpScenario({ ipv4: external });
    const control = scenario.tcpClient();
    const relayed = control.allocate(tcp).relayed!;
    control.createPermission({ ip: external.external, port: 1 });
    const connection = attempt(scenario, relayed, { ip: external.local, port: 42000 })!;
    expect(formatTransportAddress(connection.peer)).toBe('50.0.0.9:42000');
  });

  it('is closed when 16 others wait already', () => {
    const scenario = new TcpScenario();
    const control = scenario.tcpClient();
    const relayed = control.allocate(tcp).relayed!;
    control.createPermission(peer);
    for (let i = 0; i < 16; i++) expect(attempt(scenario, relayed, { ip: peer.ip, port: 1000 + i })).toBeDefined();
    expect(attempt(scenario, relayed, peer)).toBeUndefined();
    expect(scenario.server.counters.dropped('too-many-connections')).toBe(1);
  });
});

describe('the end of a TCP allocation', () => {
  it.each(['refresh', 'expiry', 'disconnect'])('closes all its connections (%s)', (how) => {
    const scenario = new TcpScenario();
    const { control, id } = connected(scenario);
    scenario.tcpClient().request(Method.connectionBind, bind(id));
    if (how === 'refresh') control.refresh(0);
    if (how === 'expiry') scenario.pass(600);
    if (how === 'disconnect') {
      scenario.server.clientDisconnected({ id: 50, transport: 'tcp', local: TCP }, control.at, scenario.schedule.time);
      scenario.host.run();
    }
    scenario.pass(0.1);
    expect(scenario.wanted.at(-1)).toBe('close 20.0.0.1:7000');
    expect(scenario.server.population).toMatchObject({
      allocations: 0,
      relayedAddresses: 0,
      connections: 0,
      deadlines: 0,
    });
  });
});
