import type { ArrivalBuffer } from '../relay/dgram/arrival-buffer.ts';
import { DatagramSocket, type DatagramSocketEvents } from '../relay/dgram/datagram-socket.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import type { ClientListener, ClientListenerEvents } from './client-listener.ts';

export interface UdpListenerEvents extends ClientListenerEvents {
  /** The socket broke after it had been open, as when its interface went away. */
  lost(listener: UdpListener, error: Error): void;
}

/** A UDP socket on which clients arrive. */
export class UdpListener implements ClientListener {
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

  /**
   * Binds the socket; port 0 takes a free one. Rejects with the system's error when it cannot.
   *
   * @param zone the interface of a link-local address.
   */
  static open(
    id: number,
    at: TransportAddress,
    buffer: ArrivalBuffer,
    events: UdpListenerEvents,
    zone?: string,
  ): Promise<UdpListener> {
    return new Promise((resolve, reject) => {
      let listener: UdpListener | undefined;
      const socketEvents: DatagramSocketEvents = {
        listening: (port) => {
          listener = new UdpListener(id, { ip: at.ip, port }, socket, buffer);
          resolve(listener);
        },
        error: (error) => (listener === undefined ? reject(error) : events.lost(listener, error)),
        message: (bytes, from) => {
          if (listener !== undefined && buffer.load(bytes, from)) events.received(listener, buffer.arrival);
        },
        undelivered: events.undelivered,
      };
      const socket = new DatagramSocket(at, socketEvents, zone);
    });
  }

  send(buffer: Buffer, start: number, end: number, client: TransportAddress): void {
    if (this.#socket.send(buffer, start, end, client.ip.text, client.port) && buffer === this.#buffer.arrival.buffer) {
      this.#buffer.renew();
    }
  }

  close(): void {
    this.#socket.close();
  }
}
