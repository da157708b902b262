/** A client that knows how to send and to read bytes over TCP or TLS, good or bad. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { readXorAddress } from '../../src/stun/attributes/address.ts';
import { formatTransportAddress } from '../../src/stun/ip-address.ts';
import { StunMessage } from '../../src/stun/message.ts';
import { MessageWriter } from '../../src/stun/message-writer.ts';
import { Attribute, MessageClass, Method } from '../../src/stun/protocol.ts';
import { StreamFramer } from '../../src/stun/stream-framer.ts';

export interface StreamClientOptions {
  readonly port: number;
  readonly host?: string;
  /** The address to come from; on loopback every 127.x.y.z will do. */
  readonly from?: string;
  /** The authority to trust: makes it a TLS client. */
  readonly ca?: string;
  /** What to send before anything else, TLS included. */
  readonly header?: Buffer | string;
}

let transactions = 0;

/** A Binding request with a transaction of its own. */
export function bindingRequest(): Buffer {
  const transactionId = Buffer.alloc(12);
  transactionId.writeUInt32BE(++transactions, 8);
  return new MessageWriter().begin(MessageClass.request, Method.binding, transactionId).finish();
}

export class StreamClient {
  readonly stream: Duplex;
  readonly messages: Buffer[] = [];
  /** Resolves when the connection is over, however it ended. */
  readonly closed: Promise<void>;
  readonly #framer = new StreamFramer();
  #arrived: (() => void) | undefined;

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.on('data', (chunk: Buffer) => {
      this.#framer.push(chunk, (bytes, start, end) => this.messages.push(Buffer.from(bytes.subarray(start, end))));
      this.#arrived?.();
    });
    stream.on('error', () => {});
    this.closed = new Promise((resolve) => {
      stream.on('close', () => resolve());
    });
    void this.closed.then(() => this.#arrived?.());
  }

  /** Connects; with `ca` it shakes hands as well. */
  static async connect(options: StreamClientOptions): Promise<StreamClient> {
    const { port, host = '127.0.0.1', from, ca, header } = options;
    const socket = connect({ port, host, ...(from === undefined ? {} : { localAddress: from }) });
    await once(socket, 'connect');
    socket.setNoDelay(true);
    if (header !== undefined) socket.write(header);
    if (ca === undefined) return new StreamClient(socket);
    const tls = connectTls({ socket, ca, host, ALPNProtocols: ['stun.turn'] });
    await once(tls, 'secureConnect');
    return new StreamClient(tls);
  }

  write(bytes: Buffer | string): void {
    this.stream.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Resolves with the messages so far when there are `count` of them; rejects when the connection ends before. */
  async received(count: number): Promise<readonly Buffer[]> {
    while (this.messages.length < count) {
      if (this.stream.destroyed) throw new Error(`it closed after ${this.messages.length} of ${count} messages`);
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    return this.messages;
  }

  /** Asks who it is, and returns the address that the server saw. */
  async binding(): Promise<string> {
    const before = this.messages.length;
    this.write(bindingRequest());
    const answer = (await this.received(before + 1))[before]!;
    const message = new StunMessage();
    message.read(answer, 0, answer.length);
    return formatTransportAddress(readXorAddress(message, message.find(Attribute.xorMappedAddress))!);
  }

  close(): void {
    this.stream.destroy();
  }
}
