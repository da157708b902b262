import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { TransportAddress } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';
import type { SendFailure } from '../relay-plane.ts';

/** Bytes that may wait in one socket for a full network buffer to drain; what is more is dropped. */
const MAX_QUEUED_BYTES = 256 * 1024;
/** Asked of the kernel, which gives at most net.core.rmem_max. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

export interface DatagramSocketEvents {
  listening(port: number): void;
  /** The socket could not be opened, or broke. It is closed. */
  error(error: NodeJS.ErrnoException): void;
  message(bytes: Buffer, from: RemoteInfo): void;
  /** A packet has left. */
  sent?(): void;
  undelivered(failure: SendFailure, why: string | undefined): void;
}

/**
 * One UDP socket bound to one address of one family. It sends without waiting where the kernel allows,
 * so that the bytes are the caller's again when {@link send} returns.
 */
export class DatagramSocket {
  readonly #socket: Socket;
  readonly #events: DatagramSocketEvents;
  #listening = false;
  #closed = false;
  #queued = false;
  readonly #sent = (error: Error | null): void => {
    if (error) this.#events.undelivered('send-failed', (error as NodeJS.ErrnoException).code);
    else this.#events.sent?.();
  };

  /** @param zone the interface of a link-local address; packets to such addresses then leave through it. */
  constructor(local: TransportAddress, events: DatagramSocketEvents, zone?: string) {
    this.#events = events;
    const family = local.ip.family === AddressFamily.ipv4 ? 4 : 6;
    this.#socket = createSocket({
      type: family === 4 ? 'udp4' : 'udp6',
      ipv6Only: family === 6,
      // Addresses are numbers, so nothing is ever looked up; answering at once lets `send` send at once.
      // Only `bind` is answered later, so that no event comes before the constructor has returned.
      lookup: (address, _options, callback) => {
        if (this.#listening) callback(null, address, family);
        else process.nextTick(callback, null, address, family);
      },
    });
    this.#socket.on('message', events.message);
    this.#socket.on('error', (error) => {
      this.close();
      events.error(error);
    });
    this.#socket.on('listening', () => {
      if (this.#closed) return;
      this.#listening = true;
      growReceiveBuffer(this.#socket);
      events.listening(this.#socket.address().port);
    });
    const address = zone === undefined ? local.ip.text : `${local.ip.text}%${zone}`;
    this.#socket.bind({ address, port: local.port, exclusive: true });
  }

  /**
   * Sends `buffer[start, end)`.
   *
   * @returns whether the bytes are still needed: the kernel's buffer was full and they wait in a queue.
   */
  send(buffer: Buffer, start: number, end: number, address: string, port: number): boolean {
    if (this.#closed) {
      this.#events.undelivered('send-failed', 'closed');
      return false;
    }
    if (this.#queued && this.#socket.getSendQueueSize() > MAX_QUEUED_BYTES) {
      this.#events.undelivered('send-queue-full', undefined);
      return false;
    }
    // Behind others it waits as a copy of its own: small packets must not each hold on to a whole shared buffer.
    const wasQueued = this.#queued;
    if (wasQueued) this.#socket.send(Buffer.from(buffer.subarray(start, end)), port, address, this.#sent);
    else this.#socket.send(buffer, start, end - start, port, address, this.#sent);
    this.#queued = this.#socket.getSendQueueCount() > 0;
    return this.#queued && !wasQueued;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}

function growReceiveBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // The size is a wish; the default serves too.
  }
}
