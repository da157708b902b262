import type { Duplex } from 'node:stream';
import { writeXorAddress } from '../stun/attributes/address.ts';
import { readConnectionId, writeConnectionId } from '../stun/attributes/allocation.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import { Attribute, ErrorCode, Method, TransportProtocol } from '../stun/protocol.ts';
import type { AllocateOptions } from './allocate-request.ts';
import { DataConnection } from './data-connection.ts';
import { openStream } from './open-socket.ts';
import type { RequestFailure } from './request-failure.ts';
import { failure, type Result, success } from './result.ts';
import { standardRetransmission } from './retransmission.ts';
import { readIfPresent, StunClient } from './stun-client.ts';
import type { ConnectionAttempt, TurnAllocation } from './turn-allocation.ts';
import type { OpenTurnClientOptions, TurnClient } from './turn-client.ts';

/**
 * A TCP allocation (RFC 6062): peers are reached over connections, each of which is a connection of its own to the server.
 * Permissions, refreshes and the end of it are those of {@link allocation}.
 *
 * @example
 * const relay = await allocateTcp(client, options);
 * if (!relay.ok) return;
 * const stream = await relay.value.connect(peer);
 * if (stream.ok) stream.value.write('hello');
 */
export class TcpAllocation {
  readonly allocation: TurnAllocation;
  /**
   * Called when a peer with a permission has connected to the relayed address. The server keeps the connection for 30 s
   * unless it is taken with {@link accept} (RFC 6062 §5.3).
   */
  onConnectionAttempt: (attempt: ConnectionAttempt) => void = () => {};

  readonly #client: TurnClient;
  readonly #options: OpenTurnClientOptions;

  /** @param options those that `client` was opened with: the data connections are opened alike. */
  constructor(client: TurnClient, options: OpenTurnClientOptions, allocation: TurnAllocation) {
    this.#client = client;
    this.#options = options;
    this.allocation = allocation;
    allocation.onConnectionAttempt = (attempt) => this.onConnectionAttempt(attempt);
  }

  /** Has the server connect to a peer (RFC 6062 §4.3). It may take half a minute to say that it cannot: 447. */
  async connect(peer: TransportAddress): Promise<Result<Duplex, RequestFailure>> {
    const answer = await this.#client.requests.request(
      Method.connect,
      (writer) => writeXorAddress(writer, Attribute.xorPeerAddress, peer),
      { retransmission: standardRetransmission },
    );
    if (!answer.ok) return answer;
    const connectionId = readIfPresent(answer.value.message, Attribute.connectionId, readConnectionId);
    if (connectionId === undefined) return failure({ kind: 'malformed-response', missing: Attribute.connectionId });
    return this.#bind(connectionId);
  }

  /** Takes the connection of a peer (RFC 6062 §4.4). */
  accept({ connectionId }: ConnectionAttempt): Promise<Result<Duplex, RequestFailure>> {
    return this.#bind(connectionId);
  }

  async #bind(connectionId: number): Promise<Result<Duplex, RequestFailure>> {
    const { server, transport = { kind: 'udp' } } = this.#options;
    if (transport.kind === 'udp') return failure(overUdp);
    const opened = await openStream(server, transport, this.#options);
    if (!opened.ok) return failure({ kind: 'connection-failed', error: opened.error });
    const connection = new DataConnection(opened.value, server);
    const stun = new StunClient(connection, this.#options);
    // Signed from the start: coturn closes a connection whose first ConnectionBind is not.
    const requests = this.#client.requests.on(stun);
    const answer = await requests.request(Method.connectionBind, (writer) => writeConnectionId(writer, connectionId));
    const { stream } = connection;
    if (answer.ok && stream) return success(stream);
    stun.close();
    return answer.ok ? failure({ kind: 'closed' }) : answer;
  }
}

/** RFC 6062 §4.1: a TCP allocation needs a client over TCP or TLS; servers answer others with 400. */
const overUdp: RequestFailure = {
  kind: 'error-response',
  code: ErrorCode.badRequest,
  reason: 'TCP allocations need TCP or TLS to the server',
  authenticated: false,
};

/** Asks for a TCP allocation (RFC 6062 §4.1). 442 means that the server does not relay TCP. */
export async function allocateTcp(
  client: TurnClient,
  options: OpenTurnClientOptions,
  wishes: AllocateOptions = {},
): Promise<Result<TcpAllocation, RequestFailure>> {
  const allocation = await client.allocate({ ...wishes, transportProtocol: TransportProtocol.tcp });
  return allocation.ok ? success(new TcpAllocation(client, options, allocation.value)) : allocation;
}
