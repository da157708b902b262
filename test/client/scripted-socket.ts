import type { Clock } from '../../src/client/clock.ts';
import type { MessageSocket } from '../../src/client/message-socket.ts';
import { isChannelData } from '../../src/stun/channel-data.ts';
import { IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { ReadResult, StunMessage } from '../../src/stun/message.ts';
import { MessageWriter } from '../../src/stun/message-writer.ts';
import type { MessageClass } from '../../src/stun/protocol.ts';

export function address(ip: string, port: number): TransportAddress {
  return { ip: IpAddress.parse(ip)!, port };
}

/** A socket whose far side is a function, and whose network takes 10 ms each way. */
export class ScriptedSocket implements MessageSocket {
  reliable = false;
  readonly localAddress = address('192.0.2.2', 50000);
  readonly sent: Buffer[] = [];
  closed = false;
  onMessage: MessageSocket['onMessage'] = () => {};
  onError: MessageSocket['onError'] = () => {};
  /** What the far side makes of a request: the answers to send back. */
  script: (request: StunMessage) => Iterable<Buffer> = () => [];

  /** What the far side does with ChannelData. */
  channelData: (bytes: Buffer) => void = () => {};

  readonly #clock: Clock;
  readonly #server: TransportAddress;

  constructor(clock: Clock, server: TransportAddress) {
    this.#clock = clock;
    this.#server = server;
  }

  send(bytes: Uint8Array): void {
    const copy = Buffer.from(bytes);
    this.sent.push(copy);
    if (isChannelData(copy[0]!)) {
      this.#clock.schedule(10, () => this.channelData(copy));
      return;
    }
    this.#clock.schedule(10, () => {
      for (const answer of this.script(readMessage(copy))) this.deliver(answer);
    });
  }

  /** Lets a datagram arrive in 10 ms. */
  deliver(bytes: Buffer, from: TransportAddress = this.#server): void {
    this.#clock.schedule(10, () => this.onMessage(bytes, from));
  }

  close(): void {
    this.closed = true;
  }

  /** What was sent of one method, oldest first. */
  requests(method: number): StunMessage[] {
    return this.sent
      .filter((bytes) => !isChannelData(bytes[0]!))
      .map(readMessage)
      .filter((message) => message.method === method);
  }
}

export function readMessage(bytes: Buffer): StunMessage {
  const message = new StunMessage();
  const result = message.read(bytes, 0, bytes.length);
  if (result !== ReadResult.ok) throw new Error(`no STUN message: ${result}`);
  return message;
}

/** An answer to a request. */
export function answerTo(
  request: StunMessage,
  messageClass: MessageClass,
  write: (writer: MessageWriter) => void = () => {},
): Buffer {
  const writer = new MessageWriter().begin(messageClass, request.method, request.transactionId);
  write(writer);
  return writer.finish();
}
