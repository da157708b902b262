import {
  findSessions,
  isSession,
  type SessionQuery,
  type SessionSummary,
  summarizeSession,
} from '../turn/session-summary.ts';
import type { TurnHost } from './turn-host.ts';

/** The live allocations of one server of the daemon, for operators. */
export class ServerSessions {
  readonly #host: Pick<TurnHost, 'server' | 'countPlane' | 'endAllocation'>;
  readonly #server: number;

  /** @param server the index of the host's server. */
  constructor(host: Pick<TurnHost, 'server' | 'countPlane' | 'endAllocation'>, server: number) {
    this.#host = host;
    this.#server = server;
  }

  /** Ordered by id, no more than `query.limit`. */
  list(query: SessionQuery): SessionSummary[] {
    this.#host.countPlane();
    return findSessions(this.#host.server.allocations, query).map((one) => summarizeSession(one, this.#server));
  }

  find(id: string): SessionSummary | undefined {
    const allocation = this.#host.server.allocation(id);
    if (allocation === undefined || !isSession(allocation)) return undefined;
    this.#host.countPlane();
    return summarizeSession(allocation, this.#server);
  }

  /** Ends an allocation at once; false when there is none of this id. */
  end(id: string): boolean {
    return this.#host.endAllocation(id);
  }
}
