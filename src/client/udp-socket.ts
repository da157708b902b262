import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import type { MessageSocket } from './message-socket.ts';
import { failure, type Result, success } from './result.ts';
import { systemError, type TransportError } from './transport-error.ts';

/** Which UDP socket to open. */
export interface UdpSocketOptions {
  readonly family: AddressFamily;
  /** The local address to send from; without it the system chooses by route. */
  readonly localIp?: IpAddress;
  /** The local port; 0 or nothing for a free one. */
  readonly localPort?: number;
  /**
   * The only far side there will be. The system then drops datagrams from elsewhere, knows the local address, and reports
   * refused datagrams as `ECONNREFUSED`, which an unconnected socket never learns of.
   */
  readonly connectTo?: TransportAddress;
  /** How many bytes may wait to be read; the system may give less. */
  readonly receiveBufferBytes?: number;
}

/** Opens a UDP socket. Fails with the system's error when the address or port cannot be had, or there is no route. */
export function openUdpSocket(options: UdpSocketOptions): Promise<Result<MessageSocket, TransportError>> {
  const { family, localIp, localPort = 0, connectTo, receiveBufferBytes } = options;
  const socket = createSocket(family === AddressFamily.ipv4 ? { type: 'udp4' } : { type: 'udp6', ipv6Only: true });
  return new Promise((resolve) => {
    const refuse = (error: Error) => {
      socket.close();
      resolve(failure(systemError(error)));
    };
    const opened = () => {
      socket.removeListener('error', refuse);
      if (receiveBufferBytes !== undefined) enlarge(socket, receiveBufferBytes);
      resolve(success(new UdpSocket(socket, connectTo)));
    };
    socket.once('error', refuse);
    socket.bind({ port: localPort, exclusive: true, ...(localIp && { address: localIp.text }) }, () => {
      if (!connectTo) return opened();
      socket.connect(connectTo.port, connectTo.ip.text, ((error?: Error) => {
        if (error) refuse(error);
        else opened();
      }) as () => void);
    });
  });
}

function enlarge(socket: Socket, bytes: number): void {
  try {
    socket.setRecvBufferSize(bytes);
  } catch {
    // Some systems refuse what is above their limit, where others give what they can: it works with less, too.
  }
}

class UdpSocket implements MessageSocket {
  readonly localAddress: TransportAddress;
  readonly reliable = false;
  onMessage: MessageSocket['onMessage'] = () => {};
  onError: MessageSocket['onError'] = () => {};

  readonly #socket: Socket;
  readonly #connectedTo: TransportAddress | undefined;
  /** Packets mostly come from one sender, so its address is not read from text again for each. */
  #lastSender: TransportAddress | undefined;
  #closed = false;

  constructor(socket: Socket, connectedTo: TransportAddress | undefined) {
    this.#socket = socket;
    this.#connectedTo = connectedTo;
    const { address, port } = socket.address();
    this.localAddress = { ip: IpAddress.parse(address)!, port };
    socket.on('message', (bytes, sender) => this.onMessage(bytes, this.#senderOf(sender)));
    socket.on('error', (error) => this.onError(systemError(error)));
  }

  send(bytes: Uint8Array, to: TransportAddress): void {
    if (this.#closed) return;
    const sent = (error: Error | null) => {
      if (error && !this.#closed) this.onError(systemError(error));
    };
    if (this.#connectedTo) this.#socket.send(bytes, sent);
    else this.#socket.send(bytes, to.port, to.ip.text, sent);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  #senderOf({ address, port }: RemoteInfo): TransportAddress {
    if (this.#lastSender?.port !== port || this.#lastSender.ip.text !== address) {
      this.#lastSender = { ip: IpAddress.parse(address)!, port };
    }
    return this.#lastSender;
  }
}
