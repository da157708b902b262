import { daysLeft, namesInWords } from '../client/certificate.ts';
import type { Clock } from '../client/clock.ts';
import { type IceUrl, isSecure } from '../client/ice-url.ts';
import type { MessageSocket } from '../client/message-socket.ts';
import { failure, type Result, success } from '../client/result.ts';
import { diagnosticRetransmission } from '../client/retransmission.ts';
import type { ServerEndpoint } from '../client/server-endpoint.ts';
import { StunClient } from '../client/stun-client.ts';
import type { TcpConnection, TlsOptions } from '../client/tcp-connection.ts';
import { describeTransportError, type TransportError } from '../client/transport-error.ts';
import { formatTransportAddress, type TransportAddress } from '../stun/ip-address.ts';
import type { Advice } from './advice.ts';
import {
  adviseOnConnect,
  adviseOnTls,
  type ConnectionContext,
  certificateWarning,
  foreignWithoutTls,
  neitherTlsNorStun,
  noRoute,
  noSocket,
  plainExpected,
  tlsExpected,
} from './connection-advice.ts';
import type { Outcome } from './rung.ts';

/** How sockets are made, and what they are judged by. */
export interface ReachDependencies {
  readonly clock: Clock;
  readonly unixNow: () => number;
  readonly openUdp: (server: TransportAddress) => Promise<Result<MessageSocket, TransportError>>;
  /** Given a time, it gives up after that; else after one of its own. */
  readonly connectTcp: (server: TransportAddress, timeoutMs?: number) => Promise<Result<TcpConnection, TransportError>>;
  /** PEM certificates to trust in place of the usual ones. */
  readonly trusted?: string;
}

/** A TCP connection to one of the addresses of a server. */
export interface Reached {
  readonly server: TransportAddress;
  readonly connection: TcpConnection;
}

/** How the ladder reaches a server, over the transport that the URL names. */
export class LadderReach {
  readonly #url: IceUrl;
  readonly #dependencies: ReachDependencies;
  /** Servers that others have sent the client to, by address. */
  readonly #alternates = new Map<string, ServerEndpoint>();

  constructor(url: IceUrl, dependencies: ReachDependencies) {
    this.#url = url;
    this.#dependencies = dependencies;
  }

  /** A server at an address, with the name that its certificate must be for: the URL's, unless it was redirected to with another. */
  endpointAt(address: TransportAddress): ServerEndpoint {
    const { host, transport } = this.#url;
    return (
      this.#alternates.get(formatTransportAddress(address)) ?? {
        transport: isSecure(this.#url) ? 'tls' : transport,
        address,
        via: 'address',
        host,
        serverName: host,
      }
    );
  }

  /** Takes note of a server that another one sends the client to. */
  redirectedTo(endpoint: ServerEndpoint): void {
    this.#alternates.set(formatTransportAddress(endpoint.address), endpoint);
  }

  /** Connects over TCP to the first address that lets it. */
  async connect(servers: readonly TransportAddress[]): Promise<Outcome<Reached>> {
    const silent: Advice[] = [];
    let last: Outcome<Reached> | undefined;
    for (const server of servers) {
      const connection = await this.#dependencies.connectTcp(server);
      if (connection.ok) {
        const where = formatTransportAddress(server);
        const value = { server, connection: connection.value };
        return { passed: true, value, detail: where, facts: { server: where, transport: 'tcp' }, warnings: silent };
      }
      const problem = adviseOnConnect(connection.error, this.context(server));
      silent.push(problem);
      last = { passed: false, detail: describeTransportError(connection.error), problem };
    }
    return last!;
  }

  async secure({ server, connection }: Reached): Promise<Outcome<MessageSocket>> {
    const secured = await connection.secure(this.#tlsOptions(server));
    if (!secured.ok) {
      const { error } = secured;
      const problem = (await this.#withoutTls(server, error)) ?? adviseOnTls(error, this.context(server));
      return { passed: false, detail: describeTransportError(error), problem };
    }
    const { socket, session } = secured.value;
    const { certificate, protocol } = session;
    const now = this.#dependencies.unixNow();
    const warning = certificateWarning(certificate, now);
    const days = daysLeft(certificate, now);
    return {
      passed: true,
      value: socket,
      detail: `${protocol}, certificate of ${namesInWords(certificate)} for another ${days === 1 ? 'day' : `${days} days`}`,
      facts: { ...session, daysLeft: days },
      warnings: warning ? [warning] : [],
    };
  }

  /** Another socket to a server that was reached before. */
  async open(server: TransportAddress): Promise<Result<MessageSocket, Outcome<never> & { readonly passed: false }>> {
    const refuse = (error: TransportError, problem: Advice) =>
      failure({ passed: false as const, detail: describeTransportError(error), problem });
    if (this.#url.transport === 'udp') {
      const socket = await this.#dependencies.openUdp(server);
      return socket.ok ? socket : refuse(socket.error, adviseOnUdpSocket(server, socket.error));
    }
    const connection = await this.#dependencies.connectTcp(server);
    if (!connection.ok) return refuse(connection.error, adviseOnConnect(connection.error, this.context(server)));
    if (!isSecure(this.#url)) return success(connection.value.plain());
    const secured = await connection.value.secure(this.#tlsOptions(server));
    if (!secured.ok) return refuse(secured.error, adviseOnTls(secured.error, this.context(server)));
    return success(secured.value.socket);
  }

  /** A better reason than silence or garbage, when the server turns out to speak TLS where it was asked without. */
  async speaksTls(server: TransportAddress): Promise<Advice | undefined> {
    const connection = await this.#dependencies.connectTcp(server);
    if (!connection.ok) return undefined;
    const secured = await connection.value.secure(this.#tlsOptions(server));
    if (secured.ok) secured.value.socket.close();
    // A certificate that is no good is one nevertheless.
    const isTls = secured.ok || secured.error.certificate !== undefined || secured.error.kind === 'tls-refused';
    return isTls ? tlsExpected(server, this.#url) : undefined;
  }

  context(server: TransportAddress): ConnectionContext {
    const url = { ...this.#url, host: this.endpointAt(server).serverName };
    return { server, url, unixNow: this.#dependencies.unixNow() };
  }

  /** A better reason than a failed handshake, when it turns out what the server speaks without TLS. */
  async #withoutTls(server: TransportAddress, { kind }: TransportError): Promise<Advice | undefined> {
    if (kind !== 'not-tls' && kind !== 'tls-closed' && kind !== 'timed-out') return undefined;
    const connection = await this.#dependencies.connectTcp(server);
    if (!connection.ok) return undefined;
    const { clock } = this.#dependencies;
    const client = new StunClient(connection.value.plain(), { clock, retransmission: diagnosticRetransmission() });
    const answer = await client.binding(server);
    client.close();
    if (answer.ok) return plainExpected(server, this.#url);
    const { error } = answer;
    const context = this.context(server);
    const foreign = error.kind === 'connection-failed' ? foreignWithoutTls(error.error, context) : undefined;
    return foreign ?? (kind === 'not-tls' ? neitherTlsNorStun(context) : undefined);
  }

  #tlsOptions(server: TransportAddress): TlsOptions {
    const { trusted } = this.#dependencies;
    const { serverName } = this.endpointAt(server);
    return { serverName, ...(trusted !== undefined && { trusted }) };
  }
}

function adviseOnUdpSocket(server: TransportAddress, { kind, code }: TransportError): Advice {
  const where = formatTransportAddress(server);
  return kind === 'unreachable' ? noRoute(where, code) : noSocket(where, code);
}
