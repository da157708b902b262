import type { ClientConnection, ClientListener, ClientListenerEvents } from '../listeners/client-listener.ts';
import type { ForwardedTraffic, OpenPlane, RelayPlane, RelayPlaneEvents, SendFailure } from '../relay/relay-plane.ts';
import { TcpRelays } from '../relay/tcp/tcp-relays.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import type { AdmissionCandidate, AdmissionVerdict } from '../turn/admission.ts';
import type { Allocation, ChannelBinding, EndReason, RelayedAddress } from '../turn/allocation.ts';
import { newPlaneCounts, planeCounts } from '../turn/counters.ts';
import type { Listener } from '../turn/five-tuple.ts';
import type { TurnServerOptions } from '../turn/options.ts';
import type { Output, ServerEvent } from '../turn/output.ts';
import { Verdict } from '../turn/packet.ts';
import type { PeerConnection } from '../turn/peer-connection.ts';
import type { Time } from '../turn/time.ts';
import { TurnServer } from '../turn/turn-server.ts';
import { systemRandom } from './system-random.ts';
import { readTime, readTimeInto } from './system-time.ts';

/** What the host tells whoever runs it. */
export interface TurnHostEvents {
  event(event: ServerEvent): void;
  /** Somebody has to decide about an allocation and answer with `admissionDecided`. */
  ask(candidate: AdmissionCandidate): void;
  /** A socket did not do what it should; counted already, for the log. */
  trouble(what: 'relay-failed' | 'relay-lost' | SendFailure, why: string | undefined): void;
  /** Everything that was to be done is done; the server's next deadline may have changed, and the plane may have packets waiting. */
  settled?(): void;
}

/** What differs between a host's server and the pure one. */
export type TurnHostOptions = Omit<TurnServerOptions, 'dontFragment' | 'random'>;

/**
 * Runs one {@link TurnServer}: gives it packets and the time, and does what it says. Whose thread it is, and what it waits
 * for, is no matter here.
 */
export class TurnHost {
  readonly server: TurnServer;
  readonly plane: RelayPlane;
  readonly #tcpRelays: TcpRelays;
  readonly #events: TurnHostEvents;
  /** What every listener reports to. */
  readonly listenerEvents: ClientListenerEvents = {
    received: (from, arrival) => this.#dispatch(this.server.receiveFromClient(from, arrival, this.#now())),
    undelivered: (failure, why) => this.#undelivered(failure, why),
  };
  readonly #listeners = new Map<number, ClientListener>();
  /** Refilled for every packet, or once for all packets of a plane's turn. */
  readonly #time: Time = readTime();
  #turning = false;
  /** As far as the plane's counters are counted already. */
  readonly #planeCounted = newPlaneCounts();
  #nextListenerId = 1;

  constructor(options: TurnHostOptions, openPlane: OpenPlane, events: TurnHostEvents) {
    this.#events = events;
    const sockets: Pick<RelayPlaneEvents, 'opened' | 'failed' | 'lost'> = {
      opened: (relayed) => this.#control((time) => this.server.relayOpened(relayed, time)),
      failed: (relayed, failure, why) => {
        if (failure !== 'port-in-use') events.trouble('relay-failed', why);
        this.#control((time) => this.server.relayFailed(relayed, failure, time));
      },
      lost: (relayed, why) => {
        events.trouble('relay-lost', why);
        this.#control((time) => this.server.relayLost(relayed, time));
      },
    };
    this.#tcpRelays = new TcpRelays({
      ...sockets,
      attempted: (at, from) => this.#control((time) => this.server.peerAttempt(at, from, time)),
      connected: (connection) => this.#control((time) => this.server.peerConnected(connection, time)),
      gone: (connection) => this.#control((time) => this.server.peerGone(connection, time)),
      passing: (connection, direction, bytes) =>
        this.server.passStream(connection, direction, bytes, this.#now().instant),
    });
    this.plane = openPlane({
      ...sockets,
      received: (relayed, arrival) => this.#dispatch(this.server.receiveFromPeer(relayed, arrival, this.#now())),
      icmp: (relayed, error) => this.#control((time) => this.server.receiveIcmp(relayed, error, time)),
      undelivered: (failure, why) => this.#undelivered(failure, why),
      turning: (is) => {
        if (is) readTimeInto(this.#time);
        this.#turning = is;
      },
    });
    this.server = new TurnServer({ ...options, dontFragment: this.plane.dontFragment, random: systemRandom });
  }

  /** A number for a new listener. */
  takeListenerId(): number {
    return this.#nextListenerId++;
  }

  /** Brings all counters up to date with what the data plane has done by itself. To be called before they are read. */
  countPlane(): void {
    for (const name of planeCounts) {
      const more = this.plane.counters[name] - this.#planeCounted[name];
      this.#planeCounted[name] += more;
      this.server.counters.addPlane(name, more);
    }
    for (const { channels } of this.server.allocations) {
      for (const binding of channels.values()) {
        if (binding.offered) this.#countForwarded(binding, this.plane.forwarded(binding));
      }
    }
  }

  /** Answers clients through this listener from now on. */
  add(listener: ClientListener): void {
    this.#listeners.set(listener.id, listener);
  }

  /** Takes in no more clients there. */
  remove(listener: ClientListener): void {
    this.forget(listener);
    listener.close();
  }

  /** This listener is no more. */
  forget({ id }: ClientListener): void {
    this.#listeners.delete(id);
  }

  /** A TCP or TLS client has gone; its allocation ends. */
  disconnected(listener: ClientListener, client: TransportAddress): void {
    this.#listeners.delete(listener.id);
    this.#control((time) => this.server.clientDisconnected(listener, client, time));
  }

  /** An operator ends an allocation; false when there is none of this id. */
  endAllocation(id: string): boolean {
    return this.#control((time) => this.server.endAllocation(id, 'killed', time));
  }

  /** The answer to a question about an allocation. */
  admissionDecided(id: string, verdict: AdmissionVerdict): void {
    this.#control((time) => this.server.admissionDecided(id, verdict, time));
  }

  /** Ends all allocations that are the like. */
  endAllocations(isMeant: (allocation: Allocation) => boolean, reason: EndReason): void {
    this.#control((time) => this.server.endAllocations(isMeant, reason, time));
  }

  /** Ends every allocation and closes every socket. */
  stop(): void {
    this.#control((time) => {
      for (const { id } of [...this.server.allocations]) this.server.endAllocation(id, 'shutdown', time);
    });
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
    this.plane.stop();
    this.#tcpRelays.stop();
  }

  /** Lets the server end what is due; see {@link TurnServer.nextDeadline}. */
  advance(): void {
    this.#control((time) => this.server.advance(time));
  }

  #now(): Time {
    return this.#turning ? this.#time : readTimeInto(this.#time);
  }

  /** Sends the packet that the server just judged, then does what else it wants. */
  #dispatch(verdict: Verdict): void {
    const { departure } = this.server;
    if (verdict === Verdict.toPeer) {
      this.plane.transmit(departure);
    } else if (verdict === Verdict.toClient) {
      const { buffer, start, end, ttl, trafficClass } = departure;
      const { listener, client } = departure.fiveTuple!;
      this.#listeners.get(listener.id)?.send(buffer, start, end, client, ttl, trafficClass);
    }
    this.#settle();
  }

  /** Lets the server do something, then does what it wants. */
  #control<T>(action: (time: Time) => T): T {
    const result = action(this.#now());
    this.server.publish();
    this.#settle();
    return result;
  }

  #settle(): void {
    for (let outputs = this.server.takeOutputs(); outputs.length > 0; outputs = this.server.takeOutputs()) {
      // First, since whoever hears that an allocation has ended may count those that are left.
      this.server.publish();
      for (const output of outputs) this.#execute(output);
    }
    this.#events.settled?.();
  }

  #execute(output: Output): void {
    switch (output.kind) {
      case 'transmit':
        this.#listeners.get(output.listener.id)?.send(output.bytes, 0, output.bytes.length, output.client, -1, 0);
        return;
      case 'open-relay':
        this.#relayFor(output.relayedAddress).open(output.relayedAddress);
        return;
      case 'close-relay':
        this.#relayFor(output.relayedAddress).close(output.relayedAddress);
        return;
      case 'bind-channel':
        this.plane.bindChannel(output.binding);
        return;
      case 'unbind-channel':
        this.#countForwarded(output.binding, this.plane.unbindChannel(output.binding));
        return;
      case 'ask-admission':
        this.#events.ask(output.candidate);
        return;
      case 'connect-peer':
        this.#tcpRelays.connect(output.connection);
        return;
      case 'join-connection':
        this.#join(output.connection, output.listener);
        return;
      case 'close-connection':
        this.#tcpRelays.closeConnection(output.connection);
        return;
      case 'event':
        this.#tellListener(output.event);
        this.#events.event(output.event);
    }
  }

  #countForwarded(binding: ChannelBinding, traffic: ForwardedTraffic | undefined): void {
    if (traffic !== undefined) this.server.countForwarded(binding, traffic.fromClient, traffic.toClient);
  }

  /** A connection with an allocation may be silent. */
  #tellListener(event: ServerEvent): void {
    if (event.kind === 'request-refused' || event.kind === 'admission-unused') return;
    const { listener } = event.allocation.fiveTuple;
    this.#listeners.get(listener.id)?.allocationChanged?.(event.kind === 'allocation-created');
  }

  #relayFor({ transport }: RelayedAddress): Pick<RelayPlane, 'open' | 'close'> {
    return transport === 'tcp' ? this.#tcpRelays : this.plane;
  }

  /** The client's connection carries data from now on, and no more messages of ours. */
  #join(connection: PeerConnection, { id }: Listener): void {
    const listener = this.#listeners.get(id);
    if (listener === undefined) {
      // The client has gone meanwhile; the peer has nobody to talk to.
      this.#control((time) => this.server.peerGone(connection, time));
      return;
    }
    this.#listeners.delete(id);
    const { stream, unread } = (listener as ClientConnection).release();
    this.#tcpRelays.join(connection, stream, unread);
  }

  #undelivered(failure: SendFailure, why: string | undefined): void {
    this.server.countDrop(failure);
    this.#events.trouble(failure, why);
  }
}
