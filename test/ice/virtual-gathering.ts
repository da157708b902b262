import type { MessageSocket } from '../../src/client/message-socket.ts';
import { failure, success } from '../../src/client/result.ts';
import type { TcpConnection } from '../../src/client/tcp-connection.ts';
import type { TransportError } from '../../src/client/transport-error.ts';
import type { GatherDependencies } from '../../src/ice/dependencies.ts';
import { type GatherOptions, gather } from '../../src/ice/gather.ts';
import type { GatherReport } from '../../src/ice/report.ts';
import { writeXorAddress } from '../../src/stun/attributes/address.ts';
import { formatTransportAddress, IpAddress, isLoopback, type TransportAddress } from '../../src/stun/ip-address.ts';
import type { StunMessage } from '../../src/stun/message.ts';
import { AddressFamily, Attribute, MessageClass, Method } from '../../src/stun/protocol.ts';
import { address, answerTo, readMessage } from '../client/scripted-socket.ts';
import type { ScriptedTurnServer } from '../client/scripted-turn-server.ts';
import { VirtualClock } from '../client/virtual-clock.ts';

/** Where a client is, and over what it comes. */
export interface Arrival {
  readonly local: TransportAddress;
  readonly mapped: TransportAddress;
}

/** What a server makes of a request; no answers is silence. */
export type VirtualServer = (request: StunMessage, arrival: Arrival) => readonly Buffer[];

const ONE_WAY_MS = 10;

/** A machine behind a NAT, servers, and a clock that a test moves. */
export class VirtualGathering {
  readonly clock = new VirtualClock();
  interfaces: { name: string; secondary?: boolean; addresses: string[] }[] = [
    { name: 'eth0', addresses: ['192.168.1.2'] },
    { name: 'lo', addresses: ['127.0.0.1'] },
  ];
  readonly names = new Map<string, readonly string[]>();
  readonly #servers = new Map<string, VirtualServer>();
  /** Addresses and ports at which the host says that nothing listens. */
  readonly refusing = new Set<string>();
  /** Local addresses whose packets come nowhere. */
  readonly deadEnds = new Set<string>();
  /** What the NAT makes of a local address and port, by whom is written to. */
  nat = ({ port }: TransportAddress, _to: TransportAddress): TransportAddress => address('198.51.100.9', port);
  /** All sockets that were opened and not closed. */
  readonly open = new Set<object>();
  /** Methods of the requests that arrived, with the server. */
  readonly arrived: string[] = [];
  #nextPort = 50_000;

  serve(where: string, server: VirtualServer): void {
    this.#servers.set(where, server);
  }

  /** A server that tells addresses, and one that also relays where it is handed in. */
  serveStun(where: string, turn?: ScriptedTurnServer): void {
    this.serve(where, (request, { mapped }) => {
      if (request.method !== Method.binding) return turn?.answer(request) ?? [];
      return [
        answerTo(request, MessageClass.success, (writer) => {
          writeXorAddress(writer, Attribute.xorMappedAddress, mapped);
        }),
      ];
    });
  }

  gather(options: Partial<GatherOptions> = {}): Promise<GatherReport> {
    return this.clock.until(
      gather(
        {
          servers: [],
          policy: 'all',
          families: [AddressFamily.ipv4, AddressFamily.ipv6],
          loopback: false,
          mdns: false,
          timeoutMs: 5000,
          ...options,
        },
        this.dependencies(),
      ),
    );
  }

  dependencies(): GatherDependencies {
    let random = 0;
    return {
      clock: this.clock,
      random: (size) => Buffer.alloc(size, ++random),
      unixNow: () => 1_800_000_000,
      interfaces: () =>
        this.interfaces.map(({ addresses, ...one }) => ({
          ...one,
          addresses: addresses.map((text) => IpAddress.parse(text)!),
        })),
      resolveHost: async (host) => {
        const literal = IpAddress.parse(host);
        if (literal) return success([literal]);
        const found = this.names.get(host);
        // A name server that is silent.
        if (found === undefined) return new Promise(() => {});
        return found.length > 0 ? success(found.map((text) => IpAddress.parse(text)!)) : failure({ code: 'ENOTFOUND' });
      },
      openUdp: async ({ localIp, connectTo }) => success(this.#udpSocket(localIp!, connectTo)),
      connectTcp: async ({ server, localIp, timeoutMs, clock }) => {
        const key = formatTransportAddress(server);
        if (this.#servers.has(key)) return success(this.#connection(localIp!, server));
        if (this.refusing.has(key)) return failure(error('refused', 'ECONNREFUSED'));
        return new Promise((resolve) => {
          clock!.schedule(timeoutMs!, () => resolve(failure(error('timed-out', 'ETIMEDOUT'))));
        });
      },
      listenTcp: async (ip) => {
        const port = { address: { ip, port: 40_000 }, close: () => void this.open.delete(port) };
        this.open.add(port);
        return success(port);
      },
    };
  }

  #udpSocket(ip: IpAddress, connectTo: TransportAddress | undefined): MessageSocket {
    const socket = this.#socket({ ip, port: this.#nextPort++ }, false, (bytes, to) => {
      if (connectTo && this.refusing.has(formatTransportAddress(to))) {
        this.clock.schedule(2 * ONE_WAY_MS, () => socket.onError(error('refused', 'ECONNREFUSED')));
      } else if (!this.deadEnds.has(ip.text)) this.#deliver(socket, bytes, to);
    });
    return socket;
  }

  #connection(ip: IpAddress, server: TransportAddress): TcpConnection {
    const socket = this.#socket({ ip, port: this.#nextPort++ }, true, (bytes) => this.#deliver(socket, bytes, server));
    return {
      plain: () => socket,
      secure: async () => failure(error('not-tls', 'ERR_SSL_WRONG_VERSION_NUMBER')),
      close: () => socket.close(),
    };
  }

  #socket(
    localAddress: TransportAddress,
    reliable: boolean,
    send: (bytes: Buffer, to: TransportAddress) => void,
  ): MessageSocket {
    const socket: MessageSocket = {
      localAddress,
      reliable,
      send: (bytes, to) => send(Buffer.from(bytes), to),
      onMessage: () => {},
      onError: () => {},
      close: () => void this.open.delete(socket),
    };
    this.open.add(socket);
    return socket;
  }

  #deliver(socket: MessageSocket, bytes: Buffer, to: TransportAddress): void {
    const where = formatTransportAddress(to);
    const server = this.#servers.get(where);
    if (!server) return;
    const local = socket.localAddress;
    this.clock.schedule(ONE_WAY_MS, () => {
      const request = readMessage(bytes);
      this.arrived.push(`${where} ${nameOf(request.method)}`);
      for (const answer of server(request, { local, mapped: isLoopback(local.ip) ? local : this.nat(local, to) })) {
        this.clock.schedule(ONE_WAY_MS, () => socket.onMessage(answer, to));
      }
    });
  }
}

function nameOf(method: number): string {
  return Object.entries(Method).find(([, number]) => number === method)?.[0] ?? String(method);
}

function error(kind: TransportError['kind'], code: string): TransportError {
  return { kind, code, message: code };
}
