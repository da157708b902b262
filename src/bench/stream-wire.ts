import type { Socket } from 'node:net';
import { type ClientTransport, openStream } from '../client/open-socket.ts';
import { describeTransportError } from '../client/transport-error.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import { StreamFramer } from '../stun/stream-framer.ts';
import { MESSAGE_ROOM, type Wire, type WireReceiver, yieldToEventLoop } from './wire.ts';

/** A connection that has so many bytes to send takes no more for now. */
const QUEUED_BYTES = 65_536;
const SHORTEST_TIMER_MS = 1;

interface Connection {
  readonly socket: Socket;
  /** What was sent since the last flush, to leave in one write. */
  readonly waiting: Buffer[];
  isOpen: boolean;
}

/** TCP or TLS connections to one server. */
export class StreamWire implements Wire {
  readonly bytes = Buffer.alloc(MESSAGE_ROOM);
  readonly at = 0;
  onMessage: WireReceiver = () => {};
  failed = 0;
  readonly overflows = 0;
  readonly #server: TransportAddress;
  readonly #transport: Exclude<ClientTransport, { kind: 'udp' }>;
  readonly #connections: Connection[] = [];
  readonly #unflushed = new Set<Connection>();

  constructor(server: TransportAddress, transport: Exclude<ClientTransport, { kind: 'udp' }>) {
    this.#server = server;
    this.#transport = transport;
  }

  async open(): Promise<number | Error> {
    const opened = await openStream(this.#server, this.#transport);
    if (!opened.ok) return new Error(describeTransportError(opened.error));
    const socket = opened.value;
    const connection: Connection = { socket, waiting: [], isOpen: true };
    const number = this.#connections.push(connection) - 1;
    const framer = new StreamFramer();
    socket.on('data', (chunk: Buffer) => {
      framer.push(chunk, (buffer, start, end) => {
        if (connection.isOpen) this.onMessage(number, buffer, start, end, this.#server);
      });
    });
    socket.on('close', () => {
      connection.isOpen = false;
    });
    return number;
  }

  close(socket: number): void {
    const connection = this.#connections[socket]!;
    this.#write(connection);
    connection.isOpen = false;
    connection.socket.destroySoon();
  }

  localPort(socket: number): number {
    return this.#connections[socket]!.socket.localPort ?? 0;
  }

  isWritable(socket: number): boolean {
    return this.#connections[socket]!.socket.writableLength < QUEUED_BYTES;
  }

  send(socket: number, length: number): void {
    const connection = this.#connections[socket]!;
    if (!connection.isOpen) {
      this.failed++;
      return;
    }
    connection.waiting.push(Buffer.from(this.bytes.subarray(0, length)));
    this.#unflushed.add(connection);
  }

  flush(): void {
    for (const connection of this.#unflushed) this.#write(connection);
    this.#unflushed.clear();
  }

  receive(): void {}

  pause(milliseconds: number): Promise<void> {
    if (milliseconds < SHORTEST_TIMER_MS) return yieldToEventLoop();
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  closeAll(): void {
    for (const { socket } of this.#connections) socket.destroy();
  }

  #write({ socket, waiting, isOpen }: Connection): void {
    const bytes = waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting);
    waiting.length = 0;
    if (isOpen) socket.write(bytes);
  }
}
