import type { TransportAddress } from '../../stun/ip-address.ts';
import type { Arrival } from '../../turn/packet.ts';
import type { BatchPlane } from './batch-plane.ts';
import { PlaneSocket } from './plane-socket.ts';

/** A UDP socket on which clients arrive, served by a {@link BatchPlane}. */
export class BatchListener {
  readonly id: number;
  readonly transport = 'udp';
  readonly local: TransportAddress;
  readonly socket: PlaneSocket;
  readonly received: (from: BatchListener, arrival: Arrival) => void;
  readonly #plane: BatchPlane;

  /** @param descriptor a bound socket, which stays the caller's: it is not closed here. */
  constructor(
    plane: BatchPlane,
    id: number,
    local: TransportAddress,
    descriptor: number,
    received: (from: BatchListener, arrival: Arrival) => void,
  ) {
    this.#plane = plane;
    this.id = id;
    this.local = local;
    this.received = received;
    this.socket = new PlaneSocket(descriptor, local.ip.family, undefined, this);
  }

  send(buffer: Buffer, start: number, end: number, client: TransportAddress, ttl: number, trafficClass: number): void {
    this.#plane.send(this.socket, buffer, start, end, client.ip, client.port, ttl, trafficClass);
  }

  close(): void {
    this.#plane.release(this);
  }
}
