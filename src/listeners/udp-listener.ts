import type { ArrivalBuffer } from '../relay/dgram/arrival-buffer.ts';
import { DatagramSocket } from '../relay/dgram/datagram-socket.ts';
import type { SendFailure } from '../relay/relay-plane.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import type { Listener } from '../turn/five-tuple.ts';
import type { Arrival } from '../turn/packet.ts';

export interface UdpListenerEvents {
  received(listener: Listener, arrival: Arrival): void;
  /** The socket broke after it had been open, as when its interface went away. */
  lost(listener: UdpListener, error: Error): void;
  undelivered(failure: SendFailure, why: string | undefined): void;
}

/** A UDP socket on which clients arrive. */
export class UdpListener implements Listener {
  readonly id: number;
  readonly transport = 'udp';
  readonly local: TransportAddress;
  readonly #socket: DatagramSocket;
  readonly #buffer: ArrivalBuffer;

  private constructor(id: number, local: TransportAddress, socket: DatagramSocket, buffer: ArrivalBuffer) {
    this.id = id;
    this.local = local;
    this.#socket = socket;
    this.#buffer = buffer;
  }

  /** Binds the socket; port 0 takes a free one. Rejects with the system's error when it cannot. */
  static open(
    id: number,
    at: TransportAddress,
    buffer: ArrivalBuffer,
    events: UdpListenerEvents,
  ): Promise<UdpListener> {
    return new Promise((resolve, reject) => {
      let listener: UdpListener | undefined;
      const socket = new DatagramSocket(at, {
        listening: (port) => {
          listener = new UdpListener(id, { ip: at.ip, port }, socket, buffer);
          resolve(listener);
        },
        error: (error) => (listener === undefined ? reject(error) : events.lost(listener, error)),
        message: (bytes, from) => {
          if (listener !== undefined && buffer.load(bytes, from)) events.received(listener, buffer.arrival);
        },
        undelivered: events.undelivered,
      });
    });
  }

  /** Sends `buffer[start, end)` to a client; the bytes are the caller's again, or the shared buffer has been renewed. */
  send(buffer: Buffer, start: number, end: number, client: TransportAddress): void {
    if (this.#socket.send(buffer, start, end, client.ip.text, client.port) && buffer === this.#buffer.arrival.buffer) {
      this.#buffer.renew();
    }
  }

  close(): void {
    this.#socket.close();
  }
}
