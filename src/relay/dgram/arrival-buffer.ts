import type { RemoteInfo } from 'node:dgram';
import type { TransportAddress } from '../../stun/ip-address.ts';
import { HEADER_LENGTH } from '../../stun/protocol.ts';
import { Arrival, HEADROOM, TAILROOM } from '../../turn/packet.ts';

/** In a stream the 16-bit length of a message does not count its header. */
const LARGEST_MESSAGE = HEADER_LENGTH + 65_535;

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
    this.#forgetHeader();
    return true;
  }

  /** Copies a message of a stream in: `bytes[start, end)`. */
  loadFrame(bytes: Buffer, start: number, end: number, client: TransportAddress): void {
    const { arrival } = this;
    arrival.source.ip.copy(client.ip);
    arrival.source.port = client.port;
    arrival.start = HEADROOM;
    arrival.end = HEADROOM + end - start;
    bytes.copy(arrival.buffer, HEADROOM, start, end);
    this.#forgetHeader();
  }

  /** Node does not tell a datagram's header fields, and a stream's are not those of one message. */
  #forgetHeader(): void {
    this.arrival.ttl = -1;
    this.arrival.trafficClass = 0;
  }

  /** Takes new memory, because a send queue still needs the old. */
  renew(): void {
    this.arrival.buffer = Buffer.alloc(HEADROOM + LARGEST_MESSAGE + TAILROOM);
  }
}
