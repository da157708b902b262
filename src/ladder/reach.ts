import { daysLeft, namesInWords } from '../client/certificate.ts';
import type { Clock } from '../client/clock.ts';
import { type IceUrl, isSecure } from '../client/ice-url.ts';
import type { MessageSocket } from '../client/message-socket.ts';
import { failure, type Result, success } from '../client/result.ts';
import { diagnosticRetransmission } from '../client/retransmission.ts';
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

  constructor(url: IceUrl, dependencies: ReachDependencies) {
    this.#url = url;
    this.#dependencies = dependencies;
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
    const secured = await connection.secure(this.#tlsOptions());
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
    const secured = await connection.value.secure(this.#tlsOptions());
    if (!secured.ok) return refuse(secured.error, adviseOnTls(secured.error, this.context(server)));
    return success(secured.value.socket);
  }

  /** A better reason than silence or garbage, when the server turns out to speak TLS where it was asked without. */
  async speaksTls(server: TransportAddress): Promise<Advice | undefined> {
    const connection = await this.#dependencies.connectTcp(server);
    if (!connection.ok) return undefined;
    const secured = await connection.value.secure(this.#tlsOptions());
    if (secured.ok) secured.value.socket.close();
    // A certificate that is no good is one nevertheless.
    const isTls = secured.ok || secured.error.certificate !== undefined || secured.error.kind === 'tls-refused';
    return isTls ? tlsExpected(server, this.#url) : undefined;
  }

  context(server: TransportAddress): ConnectionContext {
    return { server, url: this.#url, unixNow: this.#dependencies.unixNow() };
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
    return error.kind === 'connection-failed' ? foreignWithoutTls(error.error, this.context(server)) : undefined;
  }

  #tlsOptions(): TlsOptions {
    const { trusted } = this.#dependencies;
    return { serverName: this.#url.host, ...(trusted !== undefined && { trusted }) };
  }
}

function adviseOnUdpSocket(server: TransportAddress, { kind, code }: TransportError): Advice {
  const where = formatTransportAddress(server);
  return kind === 'unreachable' ? noRoute(where, code) : noSocket(where, code);
}
