import type { IceUrl } from '../client/ice-url.ts';
import type { LongTermCredentials } from '../client/long-term-authentication.ts';
import type { MessageSocket } from '../client/message-socket.ts';
import { describeFailure, type RequestFailure } from '../client/request-failure.ts';
import { diagnosticRetransmission, type RetransmissionProfile } from '../client/retransmission.ts';
import { TurnClient } from '../client/turn-client.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import type { LadderCredentials } from './credentials.ts';
import { LadderReach, type ReachDependencies } from './reach.ts';
import { adviseOnRequest } from './request-advice.ts';
import type { Outcome, RungName } from './rung.ts';
import { type Exchanges, WatchedSocket } from './socket.ts';

/** A step that failed. */
export type Failed = Outcome<never> & { readonly passed: false };

interface Opened {
  readonly client: TurnClient;
  readonly socket: WatchedSocket;
}

interface ClientOptions {
  /** In place of those of the check. */
  readonly credentials?: LongTermCredentials;
  readonly retransmission?: RetransmissionProfile;
}

/** The clients that a ladder opens, each on a socket that is watched; they are closed together. */
export class LadderClients {
  readonly reach: LadderReach;
  readonly #url: IceUrl;
  readonly #credentials: LadderCredentials | undefined;
  readonly #dependencies: ReachDependencies;
  readonly #opened: Opened[] = [];
  #retransmission: RetransmissionProfile = diagnosticRetransmission();

  constructor(url: IceUrl, credentials: LadderCredentials | undefined, dependencies: ReachDependencies) {
    this.#url = url;
    this.#credentials = credentials;
    this.#dependencies = dependencies;
    this.reach = new LadderReach(url, dependencies);
  }

  /** Another client, on a socket of its own. */
  async open(server: TransportAddress, options: ClientOptions = {}): Promise<TurnClient | Failed> {
    const socket = await this.reach.open(server);
    return socket.ok ? this.on(socket.value, server, options) : socket.error;
  }

  /** A client on a socket that is open. */
  on(socket: MessageSocket, server: TransportAddress, options: ClientOptions = {}): TurnClient {
    const { clock } = this.#dependencies;
    const watched = new WatchedSocket(socket, clock);
    const { credentials = this.#credentials, retransmission = this.#retransmission } = options;
    const client = new TurnClient(watched, { server, clock, retransmission, ...(credentials && { credentials }) });
    this.#opened.push({ client, socket: watched });
    return client;
  }

  /** Why a request of a client failed at a step, in words. */
  refused(name: RungName, client: TurnClient, failure: RequestFailure, peer?: TransportAddress): Failed {
    const stranger = this.#opened.find((opened) => opened.client === client)?.socket.stranger;
    const unixNow = this.#dependencies.unixNow();
    const context = { server: client.server, url: this.#url, credentials: this.#credentials, unixNow, peer, stranger };
    return { passed: false, detail: describeFailure(failure), problem: adviseOnRequest(name, failure, context) };
  }

  /** Later clients wait as long for an answer as a path with this round-trip time asks for. */
  pathTakes(roundTripMs: number): void {
    this.#retransmission = diagnosticRetransmission(roundTripMs);
  }

  /** The slowest of all exchanges since the last call. */
  takeExchanges(): Exchanges {
    const all = this.#opened.map(({ socket }) => socket.takeExchanges());
    return {
      slowestMs: Math.max(0, ...all.map(({ slowestMs }) => slowestMs)),
      mostSends: Math.max(0, ...all.map(({ mostSends }) => mostSends)),
    };
  }

  close(): void {
    for (const { client } of this.#opened) client.close();
  }
}
