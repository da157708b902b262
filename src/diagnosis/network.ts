import type { Result } from '../client/result.ts';
import type { TcpConnection } from '../client/tcp-connection.ts';
import type { TransportError } from '../client/transport-error.ts';
import type { NatEnvironment } from '../nat/environment.ts';
import type { IpAddress, TransportAddress } from '../stun/ip-address.ts';
import type { AddressFamily } from '../stun/protocol.ts';

/** All that a diagnosis needs from outside. Nothing of it throws: what fails is a value. */
export interface DiagnosisNetwork extends NatEnvironment {
  /** What the wall clock shows. */
  readonly today: () => Date;
  /** Finds the addresses of one family that a name stands for, within this many milliseconds. */
  readonly lookUp: (
    host: string,
    family: AddressFamily,
    timeoutMs: number,
  ) => Promise<Result<readonly IpAddress[], LookUpError>>;
  readonly connectTcp: (server: TransportAddress, timeoutMs: number) => Promise<Result<TcpConnection, TransportError>>;
  readonly interfaces: () => readonly NetworkInterface[];
  /** From which address this machine sends to another; nothing is sent to find it out. */
  readonly localAddressTowards: (destination: TransportAddress) => Promise<Result<IpAddress, TransportError>>;
  /** The router that the system's IPv4 routes name, where they can be read. */
  readonly routedGateway: () => Promise<IpAddress | undefined>;
  /** One HTTP request; redirects are not followed. */
  readonly http: (request: HttpRequest) => Promise<Result<HttpResponse, TransportError>>;
  /** The authorities that the system trusts, as PEM; `undefined` where they cannot be read. */
  readonly systemAuthorities: () => string | undefined;
}

/** Why a name gave no address. */
export interface LookUpError {
  /** The resolver's name for it, such as `ENOTFOUND` or `ETIMEOUT`. */
  readonly code: string;
}

/** An interface that is up, with one of its addresses or more. */
export interface NetworkInterface {
  readonly name: string;
  /** Whether it leads to this machine only. */
  readonly internal: boolean;
  /** The hardware address; all zero where there is none, as with tunnels. */
  readonly mac: string;
  readonly addresses: readonly { readonly ip: IpAddress; readonly prefixLength: number }[];
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly to: TransportAddress;
  /** What the `Host` field says. */
  readonly host: string;
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Milliseconds for all of it. */
  readonly timeoutMs: number;
  /** Of a longer body only so much is read. */
  readonly maxBytes: number;
}

export interface HttpResponse {
  readonly status: number;
  readonly body: string;
}
