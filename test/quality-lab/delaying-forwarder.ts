import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/**
 * A UDP proxy in front of a server that keeps every datagram for a fixed time, each way: a long path where the kernel has no means
 * to make one. Each client gets a socket of its own towards the server, as from a NAT.
 */
export class DelayingForwarder {
  readonly port: number;
  readonly #front: Socket;
  readonly #sockets = new Map<string, Socket>();
  readonly #serverPort: number;
  readonly #delayMs: number;

  private constructor(front: Socket, serverPort: number, delayMs: number) {
    this.#front = front;
    this.port = front.address().port;
    this.#serverPort = serverPort;
    this.#delayMs = delayMs;
    front.on('message', (bytes, { address, port }) => this.#toServer(bytes, address, port));
  }

  /** Starts one on 127.0.0.1, where the server is as well. */
  static async start(serverPort: number, delayMs: number): Promise<DelayingForwarder> {
    const front = createSocket('udp4').bind(0, '127.0.0.1');
    await once(front, 'listening');
    return new DelayingForwarder(front, serverPort, delayMs);
  }

  close(): void {
    this.#front.close();
    for (const socket of this.#sockets.values()) socket.close();
  }

  #toServer(bytes: Buffer, address: string, port: number): void {
    const key = `${address}:${port}`;
    let socket = this.#sockets.get(key);
    if (!socket) {
      socket = createSocket('udp4').bind(0, '127.0.0.1');
      socket.on('message', (answer) => this.#later(this.#front, answer, address, port));
      this.#sockets.set(key, socket);
    }
    this.#later(socket, bytes, '127.0.0.1', this.#serverPort);
  }

  #later(socket: Socket, bytes: Buffer, address: string, port: number): void {
    setTimeout(() => {
      try {
        socket.send(bytes, port, address);
      } catch {
        // It was closed in the meantime.
      }
    }, this.#delayMs);
  }
}
