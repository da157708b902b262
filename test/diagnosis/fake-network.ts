import type { MessageSocket } from '../../src/client/message-socket.ts';
import { failure, type Result, success } from '../../src/client/result.ts';
import { systemError, type TransportError } from '../../src/client/transport-error.ts';
import type { DiagnosisNetwork, HttpRequest, NetworkInterface } from '../../src/diagnosis/network.ts';
import { formatTransportAddress, IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { AddressFamily } from '../../src/stun/protocol.ts';
import { Schedule } from '../virtual-network/schedule.ts';
import { SeededRandom } from '../virtual-network/seeded-random.ts';
import { scheduleClock } from '../virtual-network/virtual-nat-environment.ts';

/** What a fake network does beyond being silent. */
export interface FakeNetworkWorld {
  /** From where packets leave; a family without has no route. */
  readonly local?: { readonly ipv4?: string; readonly ipv6?: string };
  /** What a name stands for; a code such as `ETIMEOUT` where there is nothing, and `never` for no answer at all. */
  readonly names?: (host: string, family: 'ipv4' | 'ipv6') => readonly string[] | string;
  /** Answers a datagram, if it does, with the address it comes from; or it is refused. */
  readonly datagram?: (
    bytes: Buffer,
    to: string,
  ) => { readonly bytes: Buffer; readonly from: string } | 'refused' | undefined;
  /** The code with which connections over TCP end, after a while. */
  readonly tcp?: string;
  readonly http?: (request: HttpRequest) => { readonly status: number; readonly body: string } | string;
  readonly router?: string;
  readonly interfaceName?: string;
}

/** A network in virtual time, in which nothing answers unless it is said to. */
export class FakeNetwork implements DiagnosisNetwork {
  readonly schedule = new Schedule();
  readonly clock = scheduleClock(this.schedule);
  readonly today = () => new Date('2030-01-02T03:04:05Z');
  /** Sockets that are open now: none may be left in the end. */
  open = 0;
  readonly #randomness = new SeededRandom(1);
  readonly random = (bytes: number) => this.#randomness.bytes(bytes);
  readonly #world: FakeNetworkWorld;
  #nextPort = 40_000;

  constructor(world: FakeNetworkWorld = {}) {
    this.#world = world;
  }

  openUdp: DiagnosisNetwork['openUdp'] = async ({ family, localIp, localPort, connectTo }) => {
    const ip = localIp ?? this.#localIp(family);
    if (ip === undefined) return failure(errorOf('ENETUNREACH'));
    this.open++;
    const port = localPort || this.#nextPort++;
    return success(this.#socket({ ip, port }, connectTo));
  };

  lookUp: DiagnosisNetwork['lookUp'] = async (host, family) => {
    const literal = IpAddress.parse(host);
    if (literal) return literal.family === family ? success([literal]) : failure({ code: 'ENODATA' });
    const found = this.#world.names?.(host, family === AddressFamily.ipv4 ? 'ipv4' : 'ipv6') ?? 'ENOTFOUND';
    if (found === 'never') return new Promise(() => {});
    return typeof found === 'string' ? failure({ code: found }) : success(found.map((text) => IpAddress.parse(text)!));
  };

  connectTcp: DiagnosisNetwork['connectTcp'] = (server, timeoutMs) => {
    const { tcp = 'ETIMEDOUT' } = this.#world;
    const code = this.#localIp(server.ip.family) === undefined ? 'ENETUNREACH' : tcp;
    return this.#later(code === 'ETIMEDOUT' ? timeoutMs : 1, failure(errorOf(code)));
  };

  interfaces(): readonly NetworkInterface[] {
    const { local = {}, interfaceName = 'eth0' } = this.#world;
    const addresses = [local.ipv4, local.ipv6].flatMap((text) =>
      text === undefined ? [] : { ip: IpAddress.parse(text)!, prefixLength: 24 },
    );
    return [{ name: interfaceName, internal: false, mac: '02:00:5e:00:53:01', addresses }];
  }

  localAddressTowards: DiagnosisNetwork['localAddressTowards'] = async ({ ip }) => {
    const local = this.#localIp(ip.family);
    return local ? success(local) : failure(errorOf('ENETUNREACH'));
  };

  routedGateway = async () => IpAddress.parse(this.#world.router ?? '');

  http: DiagnosisNetwork['http'] = (request) => {
    const answer = this.#world.http?.(request) ?? 'ETIMEDOUT';
    if (typeof answer !== 'string') return this.#later(1, success(answer));
    return this.#later(answer === 'ETIMEDOUT' ? request.timeoutMs : 1, failure(errorOf(answer)));
  };

  systemAuthorities = () => undefined;

  #localIp(family: AddressFamily): IpAddress | undefined {
    const { local = {} } = this.#world;
    return IpAddress.parse((family === AddressFamily.ipv4 ? local.ipv4 : local.ipv6) ?? '');
  }

  #later<T>(milliseconds: number, result: Result<T, TransportError>): Promise<Result<T, TransportError>> {
    return new Promise((resolve) => this.schedule.after(milliseconds, () => resolve(result)));
  }

  #socket(localAddress: TransportAddress, connectTo: TransportAddress | undefined): MessageSocket {
    let isOpen = true;
    const socket: MessageSocket = {
      localAddress,
      reliable: false,
      onMessage: () => {},
      onError: () => {},
      send: (bytes, to) => {
        const answer = this.#world.datagram?.(Buffer.from(bytes), formatTransportAddress(connectTo ?? to));
        if (answer === undefined) return;
        this.schedule.after(1, () => {
          if (!isOpen) return;
          if (answer !== 'refused') socket.onMessage(answer.bytes, textAddress(answer.from));
          else if (connectTo) socket.onError(errorOf('ECONNREFUSED'));
        });
      },
      close: () => {
        if (isOpen) this.open--;
        isOpen = false;
      },
    };
    return socket;
  }
}

function errorOf(code: string): TransportError {
  return systemError(Object.assign(new Error(code), { code }));
}

function textAddress(text: string): TransportAddress {
  const colon = text.lastIndexOf(':');
  return { ip: IpAddress.parse(text.slice(0, colon).replace(/^\[|\]$/g, ''))!, port: Number(text.slice(colon + 1)) };
}
