import type { RemoteInfo } from 'node:dgram';
import { Arrival, HEADROOM, TAILROOM } from '../../turn/packet.ts';

const LARGEST_DATAGRAM = 65_535;

/** Holds the packet that is being worked on, with room around it for the headers that relaying adds. */
export class ArrivalBuffer {
  readonly arrival = new Arrival();

  constructor() {
    this.renew();
  }

  /** Copies a received packet in; false when its sender's address makes no sense. */
  load(bytes: Buffer, from: RemoteInfo): boolean {
    const { arrival } = this;
    if (!arrival.source.ip.setText(from.address)) return false;
    arrival.source.port = from.port;
    arrival.start = HEADROOM;
    arrival.end = HEADROOM + bytes.length;
    arrival.buffer.set(bytes, HEADROOM);
    return true;
  }

  /** Takes new memory, because a send queue still needs the old. */
  renew(): void {
    this.arrival.buffer = Buffer.alloc(HEADROOM + LARGEST_DATAGRAM + TAILROOM);
  }
}
