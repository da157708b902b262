import type { TransportAddress } from '../../stun/ip-address.ts';
import type { Arrival } from '../../turn/packet.ts';
import type { BatchPlane } from './batch-plane.ts';
import type { FairShare } from './fair-share.ts';
import { PlaneSocket } from './plane-socket.ts';

/** What a listener tells. */
export interface BatchListenerEvents {
  /** A client sent a packet; `arrival` is refilled for the next one. */
  received(from: BatchListener, arrival: Arrival): void;
  /** A packet was let go, because its client sends more than its share while there is too much. */
  shed(): void;
}

/** A UDP socket on which clients arrive, served by a {@link BatchPlane}. */
export class BatchListener {
  readonly id: number;
  readonly transport = 'udp';
  readonly local: TransportAddress;
  readonly socket: PlaneSocket;
  readonly fairShare: FairShare;
  readonly events: BatchListenerEvents;
  readonly #plane: BatchPlane;

  /** @param descriptor a bound socket, which stays the caller's: it is not closed here. */
  constructor(
    plane: BatchPlane,
    id: number,
    local: TransportAddress,
    descriptor: number,
    fairShare: FairShare,
    events: BatchListenerEvents,
  ) {
    this.#plane = plane;
    this.id = id;
    this.local = local;
    this.fairShare = fairShare;
    this.events = events;
    this.socket = new PlaneSocket(descriptor, local.ip.family, undefined, this);
  }

  send(buffer: Buffer, start: number, end: number, client: TransportAddress, ttl: number, trafficClass: number): void {
    this.#plane.send(this.socket, buffer, start, end, client.ip, client.port, ttl, trafficClass);
  }

  close(): void {
    this.#plane.release(this);
  }
}
