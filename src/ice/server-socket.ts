import type { IceUrl } from '../client/ice-url.ts';
import type { MessageSocket } from '../client/message-socket.ts';
import { failure, type Result, success } from '../client/result.ts';
import { diagnosticRetransmission } from '../client/retransmission.ts';
import type { ServerEndpoint } from '../client/server-endpoint.ts';
import { StunClient } from '../client/stun-client.ts';
import type { TcpConnection, TlsOptions } from '../client/tcp-connection.ts';
import type { TransportError } from '../client/transport-error.ts';
import type { Advice } from '../ladder/advice.ts';
import {
  adviseOnConnect,
  adviseOnTls,
  certificateWarning,
  noRoute,
  noSocket,
  plainExpected,
  tlsExpected,
} from '../ladder/connection-advice.ts';
import { formatTransportAddress } from '../stun/ip-address.ts';
import type { GatherDependencies } from './dependencies.ts';
import type { LocalAddress } from './local-addresses.ts';
import type { Patience } from './patience.ts';
import { notReached, type ProbeProblem, type Usage } from './probe-problem.ts';

/** A socket that is connected to a server, with what is to be said about it nevertheless. */
export interface ServerSocket {
  readonly socket: MessageSocket;
  readonly flags: readonly Advice[];
}

/** Why there is no socket: for programs, and in words. */
export interface NoServerSocket {
  readonly error: TransportError;
  readonly problem: ProbeProblem;
}

export interface ServerSocketOptions {
  readonly url: IceUrl;
  readonly usage: Usage;
  /** PEM certificates to trust in place of the usual ones. */
  readonly trusted: string | undefined;
  /** How long connections and handshakes may take. */
  readonly patience: Patience;
}

/** A connection gives up so much before patience ends, so that it can still be told that it was the connection. */
const SPARE_MS = 200;

/** The way from one address of this machine to one place of a server. */
export class ServerWay {
  readonly endpoint: ServerEndpoint;
  readonly base: LocalAddress;
  readonly #options: ServerSocketOptions;
  readonly #dependencies: GatherDependencies;

  constructor(
    endpoint: ServerEndpoint,
    base: LocalAddress,
    options: ServerSocketOptions,
    dependencies: GatherDependencies,
  ) {
    this.endpoint = endpoint;
    this.base = base;
    this.#options = options;
    this.#dependencies = dependencies;
  }

  /** Opens a socket over the transport of the place, up to the end of the TLS handshake where there is one. */
  async open(): Promise<Result<ServerSocket, NoServerSocket>> {
    if (this.endpoint.transport === 'udp') return this.#openUdp();
    const connection = await this.#connect();
    if (!connection.ok) {
      return this.#refuse(connection.error, adviseOnConnect(connection.error, this.#context()));
    }
    return this.endpoint.transport === 'tls'
      ? this.#secure(connection.value)
      : success({ socket: connection.value.plain(), flags: [] });
  }

  /** A better reason than silence or garbage over plain TCP, when the server turns out to speak TLS. */
  async speaksTls(): Promise<Advice | undefined> {
    const connection = await this.#connect();
    if (!connection.ok) return undefined;
    const secured = await connection.value.secure(this.#tlsOptions());
    if (secured.ok) secured.value.socket.close();
    // A certificate that is no good is one nevertheless.
    const isTls = secured.ok || secured.error.certificate !== undefined || secured.error.kind === 'tls-refused';
    return isTls ? tlsExpected(this.endpoint.address, this.#options.url) : undefined;
  }

  async #openUdp(): Promise<Result<ServerSocket, NoServerSocket>> {
    const { address } = this.endpoint;
    const { ip } = this.base;
    const socket = await this.#dependencies.openUdp({ family: ip.family, localIp: ip, connectTo: address });
    if (socket.ok) return success({ socket: socket.value, flags: [] });
    const where = formatTransportAddress(address);
    const { kind, code } = socket.error;
    return this.#refuse(socket.error, kind === 'unreachable' ? noRoute(where, code) : noSocket(where, code));
  }

  async #secure(connection: TcpConnection): Promise<Result<ServerSocket, NoServerSocket>> {
    const secured = await connection.secure(this.#tlsOptions());
    if (!secured.ok) {
      const { error } = secured;
      return this.#refuse(error, (await this.#speaksPlain(error)) ?? adviseOnTls(error, this.#context()));
    }
    const { socket, session } = secured.value;
    const warning = certificateWarning(session.certificate, this.#dependencies.unixNow());
    return success({ socket, flags: warning ? [warning] : [] });
  }

  /** A better reason than a broken handshake, when the server turns out to answer without TLS. */
  async #speaksPlain({ kind }: TransportError): Promise<Advice | undefined> {
    if (kind !== 'not-tls' && kind !== 'tls-closed') return undefined;
    const connection = await this.#connect();
    if (!connection.ok) return undefined;
    const { clock, random } = this.#dependencies;
    const stun = new StunClient(connection.value.plain(), {
      clock,
      random,
      retransmission: diagnosticRetransmission(),
    });
    const answer = await stun.binding(this.endpoint.address);
    stun.close();
    return answer.ok ? plainExpected(this.endpoint.address, this.#options.url) : undefined;
  }

  #connect(): Promise<Result<TcpConnection, TransportError>> {
    const { leftMs, clock } = this.#options.patience;
    const timeoutMs = Math.max(1, leftMs - SPARE_MS);
    return this.#dependencies.connectTcp({
      server: this.endpoint.address,
      localIp: this.base.ip,
      timeoutMs,
      clock,
    });
  }

  #tlsOptions(): TlsOptions {
    const { trusted } = this.#options;
    return { serverName: this.endpoint.serverName, ...(trusted !== undefined && { trusted }) };
  }

  #context() {
    return { server: this.endpoint.address, url: this.#options.url, unixNow: this.#dependencies.unixNow() };
  }

  #refuse(error: TransportError, problem: Advice): Result<never, NoServerSocket> {
    return failure({ error, problem: notReached('connection', this.#options.usage, problem) });
  }
}
