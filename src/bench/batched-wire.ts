import { mutableTransportAddress } from '../stun/attributes/address.ts';
import type { AddressWords, IpAddress } from '../stun/ip-address.ts';
import { DatagramSockets, SystemCallError } from '../syscalls/datagram-sockets.ts';
import type { Libc, NativeMemory } from '../syscalls/libc.ts';
import { Outbox, SendQueue } from '../syscalls/outbox.ts';
import { Poller } from '../syscalls/poller.ts';
import { ReceiveBatch, type ReceivedDatagram } from '../syscalls/receive-batch.ts';
import { MESSAGE_ROOM, type Wire, type WireReceiver, yieldToEventLoop } from './wire.ts';

const SLOTS = 256;
const BATCH = 64;
const BUFFER_BYTES = 4 << 20;
/** The event loop hears of orders and timers this often. */
const YIELD_MS = 10;

interface OpenSocket {
  readonly queue: SendQueue;
  readonly localPort: number;
}

/** UDP sockets read and written many packets at a time. */
export class BatchedWire implements Wire {
  onMessage: WireReceiver = () => {};
  failed = 0;
  readonly #local: IpAddress;
  readonly #localPort: number;
  readonly #datagramSockets: DatagramSockets;
  readonly #poller: Poller;
  readonly #outbox: Outbox;
  readonly #messages: NativeMemory;
  readonly #received: ReceiveBatch;
  readonly #datagram: ReceivedDatagram = {
    start: 0,
    end: 0,
    source: mutableTransportAddress(),
    ttl: -1,
    trafficClass: 0,
  };
  readonly #sockets: (OpenSocket | undefined)[] = [];
  readonly #free: number[] = [];
  /** The number of the socket that has a descriptor. */
  readonly #numbers: number[] = [];
  readonly #pauseCell = new Int32Array(new SharedArrayBuffer(4));
  #used = 0;
  #yieldedAt = 0;

  private constructor(libc: Libc, poller: Poller, local: IpAddress, localPort: number) {
    this.#local = local;
    this.#localPort = localPort;
    this.#poller = poller;
    this.#datagramSockets = new DatagramSockets(libc);
    this.#messages = libc.memory(SLOTS * MESSAGE_ROOM);
    this.#received = new ReceiveBatch(libc, BATCH, MESSAGE_ROOM);
    this.#outbox = new Outbox(libc, SLOTS, {
      failed: (_errno, datagrams) => {
        this.failed += datagrams;
      },
    });
  }

  /** @param localPort the port of all sockets, so of only one; 0 for a free one each. */
  static create(libc: Libc, local: IpAddress, localPort = 0): BatchedWire | Error {
    const poller = Poller.open(libc);
    return poller instanceof SystemCallError ? poller : new BatchedWire(libc, poller, local, localPort);
  }

  get bytes(): Buffer {
    return this.#messages.bytes;
  }

  get at(): number {
    return this.#used * MESSAGE_ROOM;
  }

  get overflows(): number {
    let overflows = 0;
    for (const socket of this.#sockets) {
      if (socket) overflows += this.#datagramSockets.overflows(socket.queue.descriptor);
    }
    return overflows;
  }

  open(): Promise<number | Error> {
    return Promise.resolve(this.#open());
  }

  close(socket: number): void {
    const { queue } = this.#sockets[socket]!;
    this.#sockets[socket] = undefined;
    this.#free.push(socket);
    this.#outbox.flush(queue);
    // A closed descriptor leaves the poller by itself.
    this.#datagramSockets.close(queue.descriptor);
  }

  localPort(socket: number): number {
    return this.#sockets[socket]!.localPort;
  }

  isWritable(): boolean {
    return true;
  }

  send(socket: number, length: number, { ip, port }: { readonly ip: AddressWords; readonly port: number }): void {
    const { queue } = this.#sockets[socket]!;
    this.#outbox.add(queue, this.#messages.address + this.at, length, ip, port, -1, 0);
    this.#used++;
    if (this.#used === SLOTS) this.flush();
  }

  flush(): void {
    if (this.#used === 0) return;
    this.#outbox.flushAll();
    this.#used = 0;
  }

  receive(): void {
    const ready = this.#poller.wait(0);
    for (let event = 0; event < ready; event++) this.#drain(this.#poller.descriptorAt(event));
  }

  async pause(milliseconds: number, prompt: boolean): Promise<void> {
    const now = performance.now();
    if (now - this.#yieldedAt > YIELD_MS) {
      this.#yieldedAt = now;
      await yieldToEventLoop();
    }
    if (milliseconds <= 0) return;
    // The poller counts whole milliseconds; less than one it only looks.
    if (prompt) this.#poller.wait(Math.floor(milliseconds));
    else Atomics.wait(this.#pauseCell, 0, 0, milliseconds);
  }

  closeAll(): void {
    for (let socket = 0; socket < this.#sockets.length; socket++) if (this.#sockets[socket]) this.close(socket);
    this.#poller.close();
  }

  #open(): number | Error {
    const descriptor = this.#datagramSockets.open(
      { ip: this.#local, port: this.#localPort },
      { receiveBufferBytes: BUFFER_BYTES, sendBufferBytes: BUFFER_BYTES },
    );
    if (descriptor instanceof SystemCallError) return descriptor;
    const local = this.#datagramSockets.localAddress(descriptor);
    const failed = local instanceof SystemCallError ? local : this.#poller.add(descriptor);
    if (local instanceof SystemCallError || failed) {
      this.#datagramSockets.close(descriptor);
      return failed!;
    }
    const number = this.#free.pop() ?? this.#sockets.length;
    this.#sockets[number] = { queue: new SendQueue(descriptor), localPort: local.port };
    this.#numbers[descriptor] = number;
    return number;
  }

  #drain(descriptor: number): void {
    const socket = this.#numbers[descriptor]!;
    const { bytes } = this.#received.memory;
    const datagram = this.#datagram;
    let count: number;
    do {
      count = this.#received.receive(descriptor, 0, BATCH);
      for (let slot = 0; slot < count; slot++) {
        const isWhole = this.#received.take(slot, datagram);
        // The receiver may have closed it.
        if (!isWhole || this.#sockets[socket] === undefined) continue;
        this.onMessage(socket, bytes, datagram.start, datagram.end, datagram.source);
      }
    } while (count === BATCH && this.#sockets[socket] !== undefined);
  }
}
