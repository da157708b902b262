import { sameAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import type { AdmissionCandidate, AdmissionVerdict } from '../../src/turn/admission.ts';
import type { RelayedAddress } from '../../src/turn/allocation.ts';
import type { Listener } from '../../src/turn/five-tuple.ts';
import type { OpenFailure } from '../../src/turn/open-relay.ts';
import type { Output, ServerEvent } from '../../src/turn/output.ts';
import { Arrival, type Departure, HEADROOM, Verdict } from '../../src/turn/packet.ts';
import type { PeerConnection } from '../../src/turn/peer-connection.ts';
import type { TurnServer } from '../../src/turn/turn-server.ts';
import type { Schedule } from './schedule.ts';
import type { VirtualNetwork } from './virtual-network.ts';

/** Room for the largest datagram and what a server may write around it. */
const BUFFER_LENGTH = 70_000;

/** What a test may look at while the host works. */
export interface HostObserver {
  /** A client's packet is about to be handed in. */
  clientPacket?(listener: Listener, client: TransportAddress, bytes: Buffer): void;
  /** A peer's packet is about to be handed in. */
  peerPacket?(at: RelayedAddress, peer: TransportAddress): void;
  transmitted?(client: TransportAddress, bytes: Buffer): void;
  toPeer?(departure: Departure): void;
  toClient?(departure: Departure): void;
  socketOpened?(relayedAddress: RelayedAddress): void;
  socketClosed?(relayedAddress: RelayedAddress): void;
  event?(event: ServerEvent): void;
  /** Peers that connect over TCP are played by the test itself. */
  connection?(what: 'connect' | 'join' | 'close', connection: PeerConnection): void;
}

/**
 * Runs one pure TurnServer on a virtual network: it moves packets, opens and closes sockets and keeps the timer, as a daemon would.
 *
 * All packets go through one receive buffer that is never cleared, so that whatever leaks from it would be seen.
 */
export class VirtualHost {
  readonly server: TurnServer;
  readonly events: ServerEvent[] = [];
  /** Sockets that the server asked for and has not closed: those that are open, and those on their way. */
  readonly sockets = new Map<RelayedAddress, 'opening' | 'open'>();
  observer: HostObserver = {};
  /** How long it takes to open a socket: always the same, or drawn for each. */
  openDelayMs: number | (() => number) = 0;
  /** Decides which sockets cannot be opened. */
  openFailure: (relayedAddress: RelayedAddress) => OpenFailure | undefined = () => undefined;
  /** Decides about allocations where the server asks. */
  admission: (candidate: AdmissionCandidate) => AdmissionVerdict = () => 'allowed';
  /** How long such a decision takes; `undefined` for at once. */
  admissionDelayMs: (() => number) | undefined;
  /** Ids of allocations that were allowed and have neither ended nor come to nothing: what their limits would count. */
  readonly admitted = new Set<string>();
  /** What became of the last packet that was handed in. */
  lastVerdict: Verdict = Verdict.nothing;
  readonly #schedule: Schedule;
  readonly #network: VirtualNetwork;
  readonly #arrival = new Arrival();
  readonly #keepEvents: boolean;
  #armedFor = Number.POSITIVE_INFINITY;
  #dead = false;

  constructor(server: TurnServer, schedule: Schedule, network: VirtualNetwork, keepEvents = true) {
    this.server = server;
    this.#schedule = schedule;
    this.#network = network;
    this.#keepEvents = keepEvents;
    this.#arrival.buffer = Buffer.alloc(BUFFER_LENGTH, 0xee);
  }

  listen(listener: Listener): void {
    this.#network.attach(listener.local, (from, bytes) => this.fromClient(listener, from, bytes));
  }

  /** Hands in a packet from a client. */
  fromClient(listener: Listener, from: TransportAddress, bytes: Buffer): void {
    this.observer.clientPacket?.(listener, from, bytes);
    this.#fill(from, bytes);
    this.#finish(this.server.receiveFromClient(listener, this.#arrival, this.#schedule.time));
  }

  /** Hands in a packet from a peer. */
  fromPeer(at: RelayedAddress, from: TransportAddress, bytes: Buffer): void {
    this.observer.peerPacket?.(at, from);
    this.#fill(from, bytes);
    this.#finish(this.server.receiveFromPeer(at, this.#arrival, this.#schedule.time));
  }

  /** A socket is taken away from the server, as when its interface goes down. */
  loseSocket(relayedAddress: RelayedAddress): void {
    if (this.sockets.get(relayedAddress) !== 'open') return;
    this.server.relayLost(relayedAddress, this.#schedule.time);
    this.run();
  }

  /** The thread of the server ends: its sockets are closed, and nothing happens there any more. */
  die(): void {
    this.#dead = true;
    for (const relayedAddress of [...this.sockets.keys()]) this.#close(relayedAddress);
  }

  /** Executes what the server wants done, and arms the timer. Tests call it after they called the server themselves. */
  run(): void {
    for (const output of this.server.takeOutputs()) this.#execute(output);
    const next = this.server.nextDeadline;
    if (next >= this.#armedFor || next === Number.POSITIVE_INFINITY) return;
    this.#armedFor = next;
    this.#schedule.at(next, () => {
      if (this.#armedFor !== next || this.#dead) return;
      this.#armedFor = Number.POSITIVE_INFINITY;
      this.server.advance(this.#schedule.time);
      this.run();
    });
  }

  #fill(from: TransportAddress, bytes: Buffer): void {
    const arrival = this.#arrival;
    arrival.start = HEADROOM;
    arrival.end = HEADROOM + bytes.length;
    arrival.buffer.set(bytes, HEADROOM);
    arrival.source.ip.copy(from.ip);
    arrival.source.port = from.port;
  }

  #finish(verdict: Verdict): void {
    this.lastVerdict = verdict;
    const { departure } = this.server;
    if (verdict !== Verdict.nothing) {
      const bytes = departure.buffer.subarray(departure.start, departure.end);
      if (verdict === Verdict.toPeer) {
        this.observer.toPeer?.(departure);
        const { local, external } = departure.relayedAddress!;
        // A 1:1 NAT only rewrites what leaves the machine.
        this.#network.send(sameAddress(departure.peer, local.ip) ? local : external, departure.peerAddress, bytes);
      } else {
        this.observer.toClient?.(departure);
        const { listener, client } = departure.fiveTuple!;
        this.#network.send(listener.local, client, bytes);
      }
    }
    this.run();
  }

  #execute(output: Output): void {
    switch (output.kind) {
      case 'transmit':
        this.observer.transmitted?.(output.client, output.bytes);
        this.#network.send(output.listener.local, output.client, output.bytes);
        break;
      case 'open-relay':
        this.#open(output.relayedAddress);
        break;
      case 'close-relay':
        this.#close(output.relayedAddress);
        break;
      case 'ask-admission':
        this.#decide(output.candidate);
        break;
      case 'connect-peer':
        this.observer.connection?.('connect', output.connection);
        break;
      case 'join-connection':
        this.observer.connection?.('join', output.connection);
        break;
      case 'close-connection':
        this.observer.connection?.('close', output.connection);
        break;
      case 'event':
        this.observer.event?.(output.event);
        if (output.event.kind === 'allocation-ended') this.admitted.delete(output.event.allocation.id);
        if (output.event.kind === 'admission-unused') this.#unused(output.event.id);
        if (this.#keepEvents) this.events.push(output.event);
        break;
    }
  }

  #decide(candidate: AdmissionCandidate): void {
    const { id } = candidate;
    const answer = () => {
      if (this.#dead) return;
      const verdict = this.admission(candidate);
      if (verdict === 'allowed') this.admitted.add(id);
      this.server.admissionDecided(id, verdict, this.#schedule.time);
      this.run();
    };
    this.#schedule.after(this.admissionDelayMs?.() ?? 0, answer);
  }

  #unused(id: string): void {
    if (!this.admitted.delete(id)) throw new Error('an admission is given back that was not had');
  }

  #open(relayedAddress: RelayedAddress): void {
    if (this.sockets.has(relayedAddress)) throw new Error('a socket is opened twice');
    this.sockets.set(relayedAddress, 'opening');
    const delay = typeof this.openDelayMs === 'number' ? this.openDelayMs : this.openDelayMs();
    this.#schedule.after(delay, () => {
      // The server may have changed its mind.
      if (this.sockets.get(relayedAddress) !== 'opening') return;
      const failure = this.openFailure(relayedAddress);
      if (failure !== undefined) {
        this.sockets.delete(relayedAddress);
        this.server.relayFailed(relayedAddress, failure, this.#schedule.time);
      } else {
        this.sockets.set(relayedAddress, 'open');
        const receive = (from: TransportAddress, bytes: Buffer) => this.fromPeer(relayedAddress, from, bytes);
        for (const at of facesOf(relayedAddress)) this.#network.attach(at, receive);
        this.observer.socketOpened?.(relayedAddress);
        this.server.relayOpened(relayedAddress, this.#schedule.time);
      }
      this.run();
    });
  }

  #close(relayedAddress: RelayedAddress): void {
    const state = this.sockets.get(relayedAddress);
    if (state === undefined) throw new Error('a socket is closed that was not open');
    this.sockets.delete(relayedAddress);
    if (state === 'open') for (const at of facesOf(relayedAddress)) this.#network.detach(at);
    this.observer.socketClosed?.(relayedAddress);
  }
}

/** The addresses at which packets come to a relay socket: behind a 1:1 NAT those of this machine come to its local one. */
function facesOf({ local, external }: RelayedAddress): TransportAddress[] {
  return sameAddress(local.ip, external.ip) ? [external] : [external, local];
}
