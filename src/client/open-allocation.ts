import { writeLifetime } from '../stun/attributes/allocation.ts';
import { formatTransportAddress } from '../stun/ip-address.ts';
import { ErrorCode, Method } from '../stun/protocol.ts';
import type { AllocateOptions } from './allocate-request.ts';
import { type AllocationFailure, type AllocationFailureKind, allocationFailure } from './allocation-failure.ts';
import { systemClock } from './clock.ts';
import type { MessageSocket } from './message-socket.ts';
import { type ClientTransport, type OpenOptions, openSocket } from './open-socket.ts';
import { redirectedFrom } from './redirection.ts';
import type { RequestFailure } from './request-failure.ts';
import { failure, type Result, success } from './result.ts';
import type { ServerEndpoint } from './server-endpoint.ts';
import type { TransportError } from './transport-error.ts';
import type { TurnAllocation } from './turn-allocation.ts';
import { type OpenTurnClientOptions, TurnClient, type TurnClientOptions } from './turn-client.ts';

/** RFC 8656 §7.4 leaves the number to the client: one port may be taken, three in a row are no chance. */
const MAX_LOCAL_PORTS = 3;
/** How many servers may send the client on, one after the other. */
const MAX_REDIRECTIONS = 5;

/** How to get an allocation, and where. */
export interface OpenAllocationOptions extends Omit<TurnClientOptions, 'server'>, OpenOptions {
  /** Where the server may answer, in the order in which to try: what `resolveServer` found. */
  readonly endpoints: readonly ServerEndpoint[];
  /** What to ask for; a relayed UDP address of the server's choice when left out. */
  readonly allocate?: AllocateOptions;
  /** PEM certificates to trust in place of the usual ones. */
  readonly trusted?: string;
  /** Opens a socket to an endpoint, from another local port each time; one of the system when left out. */
  readonly open?: (endpoint: ServerEndpoint) => Promise<Result<MessageSocket, TransportError>>;
  /** Told of every attempt when it is over. */
  readonly onAttempt?: (attempt: AllocationAttempt) => void;
  /** Stops it: the result is then a failure of kind `cancelled`. */
  readonly signal?: AbortSignal;
}

/** One Allocate from one local port. */
export interface AllocationAttempt {
  readonly endpoint: ServerEndpoint;
  /** Milliseconds from opening the socket to the answer. */
  readonly elapsedMs: number;
  /** Why it failed; `undefined` when it is the one that succeeded. */
  readonly failure: AllocationFailure | undefined;
}

/** An allocation, and what it was opened with. */
export interface OpenedAllocation {
  readonly allocation: TurnAllocation;
  /** The client with the socket that the allocation is for. */
  readonly client: TurnClient;
  /** The server that made it: none of those that were handed in, if one of these sent the client on. */
  readonly endpoint: ServerEndpoint;
  /** All attempts, the successful one last. */
  readonly attempts: readonly AllocationAttempt[];
  /** What `client` was opened with, for a `TcpAllocation` to open its data connections with. */
  readonly clientOptions: OpenTurnClientOptions;
  /** Gives the allocation back and closes the socket. */
  close(): Promise<void>;
}

/** Why there is no allocation: the most telling failure, and all attempts. */
export interface AllocationRefused extends AllocationFailure {
  readonly attempts: readonly AllocationAttempt[];
}

/**
 * Gets an allocation from the first endpoint that grants one.
 *
 * It goes on to the next endpoint when one is unreachable, broken or full; not after an answer that would be the same everywhere,
 * such as 401, 403 or 486. It follows a server that sends it to another (300, five times at most, never in a circle), and takes
 * another local port when the server still has an allocation for this one (437, 441; three ports at most). Each UDP endpoint that is
 * silent takes as long as `retransmission` says: 39.5 s unless it is set.
 *
 * @example
 * const opened = await openAllocation({ endpoints: endpoints.value, credentials: { username, password } });
 * if (opened.ok) {
 *   console.log(formatTransportAddress(opened.value.allocation.relayedAddress));
 *   await opened.value.close();
 * } else console.error(describeAllocationFailure(opened.error));
 */
export function openAllocation(options: OpenAllocationOptions): Promise<Result<OpenedAllocation, AllocationRefused>> {
  return new AllocationSearch(options).run();
}

type Opened = Omit<OpenedAllocation, 'attempts'>;

/** Answers after which no other endpoint of the same server would say anything else. */
const finalKinds: ReadonlySet<AllocationFailureKind> = new Set([
  'credentials-needed',
  'wrong-credentials',
  'forbidden',
  'unsupported-family',
  'unsupported-transport',
  'unsupported-attribute',
  'quota-reached',
  'cancelled',
]);

class AllocationSearch {
  readonly #options: OpenAllocationOptions;
  readonly #attempts: AllocationAttempt[] = [];
  /** Servers that were asked, by transport and address: none is asked again (RFC 8489 §10). */
  readonly #asked = new Set<string>();
  /** IP addresses of servers that are full, over whatever transport. */
  readonly #full = new Set<string>();

  constructor(options: OpenAllocationOptions) {
    this.#options = options;
  }

  async run(): Promise<Result<OpenedAllocation, AllocationRefused>> {
    const attempts = this.#attempts;
    const failures: AllocationFailure[] = [];
    for (const endpoint of this.#options.endpoints) {
      if (this.#asked.has(keyOf(endpoint)) || this.#full.has(endpoint.address.ip.text)) continue;
      const opened = await this.#followFrom(endpoint);
      if (opened.ok) return success({ ...opened.value, attempts });
      failures.push(opened.error);
      if (finalKinds.has(opened.error.kind)) break;
    }
    const told = failures.findLast(({ kind }) => kind !== 'unreachable') ?? failures.at(-1) ?? nowhere;
    return failure({ ...told, attempts });
  }

  /** Asks a server, and those that it sends the client to (RFC 8489 §10). */
  async #followFrom(first: ServerEndpoint): Promise<Result<Opened, AllocationFailure>> {
    let endpoint = first;
    for (let redirections = 0; ; redirections++) {
      this.#asked.add(keyOf(endpoint));
      const opened = await this.#fromSomePort(endpoint);
      if (opened.ok) return opened;
      if (opened.error.kind === 'no-capacity') this.#full.add(endpoint.address.ip.text);
      const next = redirectedFrom(endpoint, opened.error.reason);
      if (!next || redirections === MAX_REDIRECTIONS || this.#asked.has(keyOf(next))) return unfollowed(opened.error);
      endpoint = next;
    }
  }

  /** RFC 8656 §7.4: after a 437 from another port of this machine. */
  async #fromSomePort(endpoint: ServerEndpoint): Promise<Result<Opened, AllocationFailure>> {
    for (let ports = 1; ; ports++) {
      const opened = await this.#attempt(endpoint);
      if (opened.ok || ports === MAX_LOCAL_PORTS || !isAboutThePort(opened.error.reason)) return opened;
    }
  }

  async #attempt(endpoint: ServerEndpoint): Promise<Result<Opened, AllocationFailure>> {
    const { clock = systemClock, onAttempt } = this.#options;
    const startedAt = clock.now();
    const opened = await this.#open(endpoint);
    const failed = opened.ok
      ? undefined
      : this.#cancelled
        ? { ...opened.error, kind: 'cancelled' as const }
        : opened.error;
    const attempt = { endpoint, elapsedMs: clock.now() - startedAt, failure: failed };
    this.#attempts.push(attempt);
    onAttempt?.(attempt);
    return failed ? failure(failed) : opened;
  }

  get #cancelled(): boolean {
    return this.#options.signal?.aborted ?? false;
  }

  async #open(endpoint: ServerEndpoint): Promise<Result<Opened, AllocationFailure>> {
    const { endpoints: _, allocate, trusted, open, onAttempt: __, signal, ...shared } = this.#options;
    if (this.#cancelled) return failure(allocationFailure({ kind: 'closed' }));
    const transport = transportTo(endpoint, trusted);
    const clientOptions: OpenTurnClientOptions = { ...shared, server: endpoint.address, transport };
    const opening = open ? open(endpoint) : openSocket(endpoint.address, transport, shared);
    const socket = await unlessAborted(opening, signal);
    if (!socket) return failure(allocationFailure({ kind: 'closed' }));
    if (!socket.ok) return failure(allocationFailure(notOpened(endpoint, socket.error)));
    const client = new TurnClient(socket.value, clientOptions);
    const stop = () => abandon(client);
    signal?.addEventListener('abort', stop, { once: true });
    const allocated = await client.allocate(allocate);
    signal?.removeEventListener('abort', stop);
    if (!allocated.ok) {
      client.close();
      return failure(allocationFailure(allocated.error));
    }
    const allocation = allocated.value;
    const close = async () => {
      await allocation.close();
      client.close();
    };
    return success({ allocation, client, endpoint, clientOptions, close });
  }
}

/**
 * Closes a client in the middle of an Allocate. The server may have granted it already, and would keep it for ten minutes: what it
 * makes of this Refresh (RFC 8656 §8.1) nobody waits for.
 */
function abandon(client: TurnClient): void {
  void client.requests.request(Method.refresh, (writer) => writeLifetime(writer, 0));
  client.close();
}

function unfollowed(error: AllocationFailure): Result<never, AllocationFailure> {
  return failure(error.kind === 'redirected' ? { ...error, kind: 'bad-redirect' } : error);
}

/** `undefined` as soon as the signal says to stop; a socket that is open after that is closed. */
async function unlessAborted(
  opening: Promise<Result<MessageSocket, TransportError>>,
  signal: AbortSignal | undefined,
): Promise<Result<MessageSocket, TransportError> | undefined> {
  if (!signal) return opening;
  let stop = () => {};
  const stopped = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
    signal.addEventListener('abort', stop, { once: true });
  });
  const first = await Promise.race([opening, stopped]);
  signal.removeEventListener('abort', stop);
  if (first && !signal.aborted) return first;
  void opening.then((socket) => socket.ok && socket.value.close());
  return undefined;
}

function transportTo({ transport, serverName }: ServerEndpoint, trusted: string | undefined): ClientTransport {
  return transport === 'tls'
    ? { kind: 'tls', serverName, ...(trusted !== undefined && { trusted }) }
    : { kind: transport };
}

function notOpened({ transport }: ServerEndpoint, error: TransportError): RequestFailure {
  return transport === 'udp' ? { kind: 'unreachable', code: error.code } : { kind: 'connection-failed', error };
}

/**
 * Whether the server has an allocation for this address and port already. coturn says so without integrity: nobody can know that it
 * is true, but to take another port is safe.
 */
function isAboutThePort(reason: RequestFailure): boolean {
  const code =
    reason.kind === 'error-response'
      ? reason.code
      : reason.kind === 'integrity-violated'
        ? reason.claimed?.code
        : undefined;
  return code === ErrorCode.allocationMismatch || code === ErrorCode.wrongCredentials;
}

function keyOf({ transport, address }: ServerEndpoint): string {
  return `${transport} ${formatTransportAddress(address)}`;
}

/** What comes of no endpoints at all. */
const nowhere: AllocationFailure = allocationFailure({ kind: 'unreachable', code: 'ENODATA' });
