import { readXorAddress } from '../../src/stun/attributes/address.ts';
import { readErrorCode } from '../../src/stun/attributes/error-code.ts';
import { formatTransportAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { ReadResult, StunMessage } from '../../src/stun/message.ts';
import { AddressFamily, Attribute, MessageClass, Method } from '../../src/stun/protocol.ts';
import type { RelayedAddress } from '../../src/turn/allocation.ts';
import type { Listener } from '../../src/turn/five-tuple.ts';
import type { Departure } from '../../src/turn/packet.ts';
import { portCount } from '../../src/turn/shared/port-table.ts';
import type { Scenario } from './scenario.ts';
import type { HostObserver, VirtualHost } from './virtual-host.ts';

const PERMISSION_LIFETIME_MS = 300_000;

/**
 * Watches a server from outside and says when it breaks one of its promises. What is permitted it learns only from the
 * requests that it sees go in and the answers that it sees come out: it shares no code and no state with the server.
 */
export class SoakInvariants implements HostObserver {
  /** How often the full check was made. */
  fullChecks = 0;
  relayedToPeers = 0;
  relayedToClients = 0;
  readonly #scenario: Scenario;
  readonly #message = new StunMessage();
  /** When each permission ends, by relay socket and peer IP address. */
  readonly #permissions = new Map<RelayedAddress, Map<string, number>>();
  readonly #openSockets = new Map<string, RelayedAddress>();
  /** Whose each relay socket is; a reserved one is nobody's. */
  readonly #owners = new Map<RelayedAddress, string>();
  readonly #socketsOf = new Map<string, Set<RelayedAddress>>();
  /** The peers of the requests seen lately, by client and transaction: those since the last forgetting, and those before. */
  #asked = new Map<string, TransportAddress[]>();
  #askedBefore = new Map<string, TransportAddress[]>();
  readonly #allocated = new Set<string>();
  #requestSeen = '';
  /** Where the peer's packet came in that is being handled; none while it is a client's. */
  #source: { readonly at: RelayedAddress; readonly peer: string } | undefined;
  readonly #users: readonly string[];

  constructor(scenario: Scenario, users: readonly string[]) {
    this.#scenario = scenario;
    this.#users = users;
  }

  clientPacket(_: Listener, client: TransportAddress, bytes: Buffer): void {
    this.#requestSeen = '';
    this.#source = undefined;
    const message = this.#message;
    if (message.read(bytes, 0, bytes.length) !== ReadResult.ok || message.messageClass !== MessageClass.request) return;
    const peers: TransportAddress[] = [];
    const type = Attribute.xorPeerAddress;
    for (let i = message.find(type); i >= 0; i = message.find(type, i + 1)) peers.push(readXorAddress(message, i)!);
    this.#requestSeen = transactionOf(client, message);
    this.#asked.set(this.#requestSeen, peers);
  }

  peerPacket(at: RelayedAddress, { ip }: TransportAddress): void {
    this.#source = { at, peer: ip.text };
  }

  transmitted(client: TransportAddress, bytes: Buffer): void {
    const message = this.#message;
    check(message.read(bytes, 0, bytes.length) === ReadResult.ok, 'an answer is malformed');
    const transaction = transactionOf(client, message);
    const peers = this.#asked.get(transaction) ?? this.#askedBefore.get(transaction);
    check(peers !== undefined, 'an answer to no request');
    const { method, messageClass } = message;
    // Only an Allocate may be answered later than its packet came in.
    check(method === Method.allocate || transaction === this.#requestSeen, 'a late answer');
    if (messageClass === MessageClass.error) {
      const code = readErrorCode(message, message.find(Attribute.errorCode))?.code ?? 0;
      check(code >= 400 && code !== 500, `error code ${code}`);
      return;
    }
    check(messageClass === MessageClass.success, 'something is sent that is no answer');
    if (method === Method.allocate) this.#own(client, message, transaction);
    if (method === Method.createPermission || method === Method.channelBind) this.#permit(client, peers);
  }

  toPeer({ relayedAddress, peer, fiveTuple }: Departure): void {
    this.relayedToPeers++;
    check(fiveTuple === undefined && relayedAddress !== undefined, 'a departure to a peer has no socket');
    const isOpen = this.#scenario.hosts.some(({ sockets }) => sockets.get(relayedAddress) === 'open');
    check(isOpen, 'a packet leaves through a closed socket');
    check(this.#isPermitted(relayedAddress, peer.text), `relayed to peer ${peer.text} without permission`);
  }

  toClient(departure: Departure): void {
    this.relayedToClients++;
    const client = formatTransportAddress(departure.fiveTuple!.client);
    check(this.#permittedSource(client), `relayed to client ${client} without permission`);
  }

  socketOpened(relayedAddress: RelayedAddress): void {
    this.#openSockets.set(formatTransportAddress(relayedAddress.external), relayedAddress);
  }

  socketClosed(relayedAddress: RelayedAddress): void {
    this.#permissions.delete(relayedAddress);
    this.#openSockets.delete(formatTransportAddress(relayedAddress.external));
    const owner = this.#owners.get(relayedAddress);
    if (owner === undefined) return;
    this.#owners.delete(relayedAddress);
    const sockets = this.#socketsOf.get(owner);
    sockets?.delete(relayedAddress);
    if (sockets?.size === 0) this.#socketsOf.delete(owner);
  }

  /** Forgets transactions so old that nobody can answer them any more; to be called every minute of virtual time. */
  forgetRequests(): void {
    this.#askedBefore = this.#asked;
    this.#asked = new Map();
  }

  /** What is cheap enough to check after every step. */
  check(): void {
    for (const { sockets, server } of this.#scenario.hosts) {
      const { relayedAddresses } = server.population;
      let open = sockets.size;
      if (open !== relayedAddresses) for (const state of sockets.values()) if (state === 'opening') open--;
      check(open === relayedAddresses, `${open} open sockets, ${relayedAddresses} live relayed addresses`);
    }
    // A reservation has its port before it is given out, and no socket when it is.
    const taken = this.#takenPorts();
    const sockets = this.#sockets();
    const { reservations } = this.#scenario.server.population;
    check(
      taken >= sockets && taken <= sockets + reservations,
      `${taken} ports taken for ${sockets} sockets and ${reservations} reservations`,
    );
  }

  /** Counts everything anew. */
  checkAll(): void {
    this.fullChecks++;
    this.check();
    const { server, hosts } = this.#scenario;
    const perUser = new Map<string, number>();
    for (const host of hosts) this.#checkServer(host, perUser);
    if (hosts.every(({ server }) => [...server.allocations].every(({ answer }) => answer !== undefined))) {
      const { reservations } = server.population;
      check(this.#takenPorts() === this.#sockets() + reservations, 'a port belongs to nothing');
    }
    for (const user of this.#users) {
      check(server.allocationsOf(user) === (perUser.get(user) ?? 0), `the quota counter of ${user} is wrong`);
    }
  }

  /** Ports that are taken, but for those that turned out to be another program's. */
  #takenPorts(): number {
    const { hosts, memory, server } = this.#scenario;
    const free = server.freePorts(AddressFamily.ipv4) + server.freePorts(AddressFamily.ipv6);
    const unusable = hosts.reduce((sum, host) => sum + host.server.population.unusablePorts, 0);
    return 2 * portCount(memory.relayPorts) - free - unusable;
  }

  #sockets(): number {
    return this.#scenario.hosts.reduce((sum, { sockets }) => sum + sockets.size, 0);
  }

  #checkServer(host: VirtualHost, perUser: Map<string, number>): void {
    const { server } = host;
    const { population } = server;
    const counted = { allocations: 0, held: 0, permissions: 0, channels: 0 };
    for (const allocation of server.allocations) {
      counted.allocations++;
      perUser.set(allocation.user.id, (perUser.get(allocation.user.id) ?? 0) + 1);
      counted.permissions += allocation.permissions.size;
      counted.channels += allocation.channels.size;
      for (const relayed of allocation.relayedAddresses) {
        counted.held++;
        check(host.sockets.get(relayed) === 'open', 'an allocation holds a socket that is not open');
      }
      check(allocation.answer === undefined || allocation.relayedAddresses.length > 0, 'an allocation of nothing');
    }
    check(counted.allocations === population.allocations, 'allocations are miscounted');
    check(counted.permissions === population.permissions, 'permissions are miscounted');
    check(counted.channels === population.channels, 'channels are miscounted');
    const unanswered = [...server.allocations].some(({ answer }) => answer === undefined);
    const sockets = host.sockets.size;
    check(unanswered ? sockets >= counted.held : sockets === counted.held, 'a socket belongs to nothing');
  }

  #own(client: TransportAddress, message: StunMessage, transaction: string): void {
    // A retransmission gets the first answer again, even when half of what it tells of has ended since; and one that meets the
    // successor of a server that has died, whose nonces are still good, is a request like any other.
    const again = this.#allocated.has(transaction);
    this.#allocated.add(transaction);
    const from = formatTransportAddress(client);
    const type = Attribute.xorRelayedAddress;
    for (let i = message.find(type); i >= 0; i = message.find(type, i + 1)) {
      const relayed = formatTransportAddress(readXorAddress(message, i)!);
      const socket = this.#openSockets.get(relayed);
      if (again && (socket === undefined || this.#owners.has(socket))) continue;
      check(socket !== undefined, `${relayed} is given to a client but not open`);
      check(!this.#owners.has(socket), `${relayed} is given to two clients`);
      this.#owners.set(socket, from);
      this.#socketsOf.set(from, (this.#socketsOf.get(from) ?? new Set()).add(socket));
    }
  }

  #permit(client: TransportAddress, peers: readonly TransportAddress[]): void {
    for (const socket of this.#socketsOf.get(formatTransportAddress(client)) ?? []) {
      const permissions = this.#permissions.get(socket) ?? new Map<string, number>();
      this.#permissions.set(socket, permissions);
      for (const { ip } of peers) {
        if (ip.family === socket.family) permissions.set(ip.text, this.#scenario.schedule.now + PERMISSION_LIFETIME_MS);
      }
    }
  }

  #isPermitted(socket: RelayedAddress, peer: string): boolean {
    return (this.#permissions.get(socket)?.get(peer) ?? -1) > this.#scenario.schedule.now;
  }

  #permittedSource(client: string): boolean {
    // A packet from a peer: its socket must be this client's, and permit the peer.
    if (this.#source !== undefined) {
      const { at, peer } = this.#source;
      return this.#owners.get(at) === client && this.#isPermitted(at, peer);
    }
    // A packet of another client, delivered inside: some socket of this client must permit the server's own address.
    for (const socket of this.#socketsOf.get(client) ?? []) {
      if (this.#isPermitted(socket, socket.external.ip.text)) return true;
    }
    return false;
  }
}

function transactionOf(client: TransportAddress, message: StunMessage): string {
  return `${formatTransportAddress(client)} ${message.transactionId.toString('latin1')}`;
}

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`an invariant is broken: ${what}`);
}
