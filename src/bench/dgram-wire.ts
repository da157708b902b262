import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { type MutableTransportAddress, mutableTransportAddress } from '../stun/attributes/address.ts';
import { type AddressWords, IpAddress } from '../stun/ip-address.ts';
import { MESSAGE_ROOM, type Wire, type WireReceiver, yieldToEventLoop } from './wire.ts';

/** UDP sockets as Node has them, one packet at a time. */
export class DgramWire implements Wire {
  readonly bytes = Buffer.alloc(MESSAGE_ROOM);
  readonly at = 0;
  onMessage: WireReceiver = () => {};
  failed = 0;
  /** Node does not tell. */
  readonly overflows = 0;
  readonly #host: string;
  readonly #port: number;
  readonly #sockets: Socket[] = [];
  readonly #from: MutableTransportAddress = mutableTransportAddress();

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  open(): Promise<number | Error> {
    const socket = createSocket({ type: isIPv6(this.#host) ? 'udp6' : 'udp4' });
    const number = this.#sockets.push(socket) - 1;
    socket.on('message', (bytes, sender) => this.#receive(number, bytes, sender));
    return new Promise((resolve) => {
      socket.once('error', resolve);
      socket.bind(this.#port, this.#host, () => {
        // An ICMP error of a packet that was sent is a lost packet and no more.
        socket.on('error', () => {});
        resolve(number);
      });
    });
  }

  close(socket: number): void {
    this.#sockets[socket]!.close();
    delete this.#sockets[socket];
  }

  localPort(socket: number): number {
    return this.#sockets[socket]!.address().port;
  }

  isWritable(): boolean {
    return true;
  }

  send(socket: number, length: number, { ip, port }: { readonly ip: AddressWords; readonly port: number }): void {
    const bytes = Buffer.from(this.bytes.subarray(0, length));
    this.#sockets[socket]!.send(bytes, port, IpAddress.from(ip).text, (error) => {
      if (error) this.failed++;
    });
  }

  flush(): void {}

  receive(): void {}

  pause(milliseconds: number): Promise<void> {
    return milliseconds < 1 ? yieldToEventLoop() : new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  closeAll(): void {
    for (const socket of this.#sockets.keys()) if (this.#sockets[socket]) this.close(socket);
  }

  #receive(socket: number, bytes: Buffer, { address, port }: RemoteInfo): void {
    this.#from.ip.setText(address);
    this.#from.port = port;
    this.onMessage(socket, bytes, 0, bytes.length, this.#from);
  }
}
