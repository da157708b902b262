import type { ClientConnection, ClientListener, ClientListenerEvents } from '../listeners/client-listener.ts';
import { UdpListener } from '../listeners/udp-listener.ts';
import { ArrivalBuffer } from '../relay/dgram/arrival-buffer.ts';
import { DgramPlane } from '../relay/dgram/dgram-plane.ts';
import type { RelayPlane, RelayPlaneEvents, SendFailure } from '../relay/relay-plane.ts';
import { TcpRelays } from '../relay/tcp/tcp-relays.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import type { RelayedAddress } from '../turn/allocation.ts';
import type { Listener } from '../turn/five-tuple.ts';
import type { TurnServerOptions } from '../turn/options.ts';
import type { Output, ServerEvent } from '../turn/output.ts';
import { Verdict } from '../turn/packet.ts';
import type { PeerConnection } from '../turn/peer-connection.ts';
import type { Time } from '../turn/time.ts';
import { TurnServer } from '../turn/turn-server.ts';
import { readTime, readTimeInto, systemRandom } from './system-time.ts';

/** What the host tells the daemon. */
export interface TurnHostEvents {
  event(event: ServerEvent, time: Time): void;
  /** A socket did not do what it should; counted already, for the log. */
  trouble(what: 'relay-failed' | 'relay-lost' | SendFailure, why: string | undefined): void;
  /** A listening socket broke. */
  listenerLost(listener: UdpListener, error: Error): void;
}

/** What differs between a host's server and the pure one. */
export type TurnHostOptions = Omit<TurnServerOptions, 'dontFragment' | 'random'>;

const LONGEST_TIMER_MS = 60_000;

/** Runs one {@link TurnServer}: gives it packets and the time, and does what it says. */
export class TurnHost {
  readonly server: TurnServer;
  readonly #plane: RelayPlane;
  readonly #tcpRelays: TcpRelays;
  readonly #events: TurnHostEvents;
  /** Holds the one packet that is being worked on. */
  readonly buffer = new ArrivalBuffer();
  /** What every listener reports to. */
  readonly listenerEvents: ClientListenerEvents = {
    received: (from, arrival) => this.#dispatch(this.server.receiveFromClient(from, arrival, readTimeInto(this.#time))),
    undelivered: (failure, why) => this.#undelivered(failure, why),
  };
  readonly #listeners = new Map<number, ClientListener>();
  /** Refilled for every packet. */
  readonly #time: Time = readTime();
  #nextListenerId = 1;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(options: TurnHostOptions, events: TurnHostEvents) {
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
        this.server.passStream(connection, direction, bytes, readTimeInto(this.#time).instant),
    });
    this.#plane = new DgramPlane(
      {
        ...sockets,
        received: (relayed, arrival) =>
          this.#dispatch(this.server.receiveFromPeer(relayed, arrival, readTimeInto(this.#time))),
        undelivered: (failure, why) => this.#undelivered(failure, why),
      },
      this.buffer,
    );
    this.server = new TurnServer({ ...options, dontFragment: this.#plane.dontFragment, random: systemRandom });
  }

  /** The name of the data plane in use. */
  get planeName(): string {
    return this.#plane.name;
  }

  /** A number for a new listener. */
  takeListenerId(): number {
    return this.#nextListenerId++;
  }

  /** Takes in clients on a UDP socket at this address; rejects with the system's error when it cannot be opened. */
  async listenUdp(at: TransportAddress, zone?: string): Promise<UdpListener> {
    const events = {
      ...this.listenerEvents,
      lost: (lost: UdpListener, error: Error) => {
        this.#listeners.delete(lost.id);
        this.#events.listenerLost(lost, error);
      },
    };
    const listener = await UdpListener.open(this.takeListenerId(), at, this.buffer, events, zone);
    this.add(listener);
    return listener;
  }

  /** Answers clients through this listener from now on. */
  add(listener: ClientListener): void {
    this.#listeners.set(listener.id, listener);
  }

  /** Takes in no more clients there. */
  remove(listener: ClientListener): void {
    this.#listeners.delete(listener.id);
    listener.close();
  }

  /** A TCP or TLS client has gone; its allocation ends. */
  disconnected(listener: ClientListener, client: TransportAddress): void {
    this.#listeners.delete(listener.id);
    this.#control((time) => this.server.clientDisconnected(listener, client, time));
  }

  /** Ends every allocation and closes every socket. */
  stop(): void {
    this.#control((time) => {
      for (const { id } of [...this.server.allocations]) this.server.endAllocation(id, 'shutdown', time);
    });
    clearTimeout(this.#timer);
    this.#plane.stop();
    this.#tcpRelays.stop();
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
  }

  /** Sends the packet that the server just judged, then does what else it wants. */
  #dispatch(verdict: Verdict): void {
    const { departure } = this.server;
    if (verdict === Verdict.toPeer) {
      this.#plane.transmit(departure);
    } else if (verdict === Verdict.toClient) {
      const { listener, client } = departure.fiveTuple!;
      this.#listeners.get(listener.id)?.send(departure.buffer, departure.start, departure.end, client);
    }
    this.#settle();
  }

  /** Lets the server do something, then does what it wants. */
  #control<T>(action: (time: Time) => T): T {
    const result = action(readTimeInto(this.#time));
    this.#settle();
    return result;
  }

  #settle(): void {
    for (let outputs = this.server.takeOutputs(); outputs.length > 0; outputs = this.server.takeOutputs()) {
      for (const output of outputs) this.#execute(output);
    }
    if (this.server.nextDeadline < this.#timerAt) this.#armTimer();
  }

  #execute(output: Output): void {
    switch (output.kind) {
      case 'transmit':
        this.#listeners.get(output.listener.id)?.send(output.bytes, 0, output.bytes.length, output.client);
        return;
      case 'open-relay':
        this.#relayFor(output.relayedAddress).open(output.relayedAddress);
        return;
      case 'close-relay':
        this.#relayFor(output.relayedAddress).close(output.relayedAddress);
        return;
      case 'bind-channel':
        this.#plane.bindChannel(output.binding);
        return;
      case 'unbind-channel':
        this.#plane.unbindChannel(output.binding);
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
        this.#events.event(output.event, this.#time);
    }
  }

  /** A connection with an allocation may be silent. */
  #tellListener(event: ServerEvent): void {
    if (event.kind === 'request-refused') return;
    const { listener } = event.allocation.fiveTuple;
    this.#listeners.get(listener.id)?.allocationChanged?.(event.kind === 'allocation-created');
  }

  #relayFor({ transport }: RelayedAddress): Pick<RelayPlane, 'open' | 'close'> {
    return transport === 'tcp' ? this.#tcpRelays : this.#plane;
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

  #armTimer(): void {
    clearTimeout(this.#timer);
    this.#timerAt = this.server.nextDeadline;
    const delay = Math.min(LONGEST_TIMER_MS, Math.max(1, Math.ceil(this.#timerAt - performance.now())));
    this.#timer = setTimeout(() => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#control((time) => this.server.advance(time));
    }, delay).unref();
  }

  #undelivered(failure: SendFailure, why: string | undefined): void {
    this.server.countDrop(failure);
    this.#events.trouble(failure, why);
  }
}
