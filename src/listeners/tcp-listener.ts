import { createServer, type Server, type Socket } from 'node:net';
import type { TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';

/** Connections that the kernel holds until they are taken in; it gives at most net.core.somaxconn. */
const BACKLOG = 4096;

export interface TcpListenerEvents {
  accepted(socket: Socket, local: TransportAddress): void;
  /** The socket broke after it had been open. */
  lost(listener: TcpListener, error: Error): void;
}

/** A TCP socket to which clients connect. */
export class TcpListener {
  readonly local: TransportAddress;
  readonly #server: Server;

  private constructor(local: TransportAddress, server: Server) {
    this.local = local;
    this.#server = server;
  }

  /** Binds the socket; port 0 takes a free one. Rejects with the system's error when it cannot. */
  static open(at: TransportAddress, events: TcpListenerEvents, zone?: string): Promise<TcpListener> {
    return new Promise((resolve, reject) => {
      let listener: TcpListener | undefined;
      // A client whose connection becomes a stream of bytes may end its half of it first.
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        if (listener === undefined) socket.destroy();
        else events.accepted(socket, listener.local);
      });
      server.on('error', (error) => {
        if (listener === undefined) {
          reject(error);
          return;
        }
        server.close();
        events.lost(listener, error);
      });
      const host = zone === undefined ? at.ip.text : `${at.ip.text}%${zone}`;
      const ipv6Only = at.ip.family === AddressFamily.ipv6;
      server.listen({ host, port: at.port, ipv6Only, backlog: BACKLOG, exclusive: true }, () => {
        listener = new TcpListener({ ip: at.ip, port: portOf(server) }, server);
        resolve(listener);
      });
    });
  }

  /** Takes in no more connections; those that exist go on. */
  close(): void {
    this.#server.close();
  }
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}
