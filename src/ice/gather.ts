import type { OpenedAllocation } from '../client/open-allocation.ts';
import type { AddressFamily } from '../stun/protocol.ts';
import { blockedUdpFlags, type Mapping, mappingFlags } from './candidate-flags.ts';
import { CandidateSet } from './candidate-set.ts';
import type { GatherDependencies, ListeningPort } from './dependencies.ts';
import { HostSocket } from './host-socket.ts';
import { askedUrls, type IceServer } from './ice-server.ts';
import { type LocalAddress, localAddresses } from './local-addresses.ts';
import { MdnsNames } from './mdns-names.ts';
import { Pacing } from './pacing.ts';
import { Patience } from './patience.ts';
import type { CandidateError, GatheredCandidate, GatherReport } from './report.ts';
import { type QueryContext, ServerQuery } from './server-query.ts';

export interface GatherOptions {
  readonly servers: readonly IceServer[];
  /** `relay` gathers relayed candidates only, as `iceTransportPolicy` does. */
  readonly policy: 'all' | 'relay';
  readonly families: readonly AddressFamily[];
  /** Whether loopback addresses make host candidates too, although there are others. */
  readonly loopback: boolean;
  /** Whether host candidates show mDNS names in place of addresses, as browsers do before they may use camera or microphone. */
  readonly mdns: boolean;
  /** How long each server may take, in milliseconds. */
  readonly timeoutMs: number;
  /** PEM certificates to trust in place of the usual ones. */
  readonly trusted?: string;
  /** Ends gathering: what was found until then is in the report, errors of servers that were still being asked are not. */
  readonly signal?: AbortSignal;
  readonly onCandidate?: (candidate: GatheredCandidate) => void;
  readonly onError?: (error: CandidateError) => void;
}

/** The port that active TCP candidates show, from which nothing is ever sent (RFC 6544 §4.5). */
const DISCARD_PORT = 9;
/** How long servers may take to take their relays back. */
const CLOSE_MS = 750;

/**
 * Gathers candidates as an ICE agent does (RFC 8445 §5.1): host candidates over UDP and TCP, server-reflexive ones from each of their
 * sockets, and relayed ones over whatever transport the URLs name. All servers are asked at once. What was allocated is given
 * back in the end.
 */
export async function gather(options: GatherOptions, dependencies: GatherDependencies): Promise<GatherReport> {
  const gathering = new Gathering(options, dependencies);
  try {
    return await gathering.run();
  } finally {
    await gathering.close();
  }
}

class Gathering {
  readonly #options: GatherOptions;
  readonly #dependencies: GatherDependencies;
  readonly #startedAt: number;
  readonly #candidates: CandidateSet;
  readonly #hosts: readonly LocalAddress[];
  /** With those of loopback, from which servers on this machine are asked. */
  readonly #bases: readonly LocalAddress[];
  readonly #sockets = new Map<LocalAddress, Promise<HostSocket | undefined>>();
  readonly #listening: ListeningPort[] = [];
  readonly #allocations: OpenedAllocation[] = [];
  readonly #mappings: Mapping[] = [];
  readonly #errors: CandidateError[] = [];
  readonly #pacing: Pacing;
  #closed = false;

  constructor(options: GatherOptions, dependencies: GatherDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#startedAt = dependencies.clock.now();
    this.#pacing = new Pacing(dependencies.clock);
    const { families, loopback, mdns, policy } = options;
    const interfaces = dependencies.interfaces();
    this.#bases = localAddresses(interfaces, { families, loopback: true });
    const hosts = new Set(localAddresses(interfaces, { families, loopback }).map(({ ip }) => ip));
    this.#hosts = this.#bases.filter(({ ip }) => hosts.has(ip));
    this.#candidates = new CandidateSet({
      mdns: mdns ? new MdnsNames(dependencies.random) : undefined,
      relayOnly: policy === 'relay',
      elapsedMs: () => this.#elapsedMs(),
      onCandidate: (candidate) => options.onCandidate?.(candidate),
    });
  }

  async run(): Promise<GatherReport> {
    const context = this.#context();
    const queries = askedUrls(this.#options.servers).map((asked, rank) => new ServerQuery(asked, rank, context));
    // The sockets first: a server that answers at once would else be shown before the host candidate.
    const hosts = this.#options.policy === 'relay' ? [] : this.#hosts.map((base) => this.#gatherHost(base));
    const servers = await Promise.all(queries.map((query) => query.run()));
    await Promise.all(hosts);
    const elapsedMs = this.#elapsedMs();
    return {
      policy: this.#options.policy,
      candidates: this.#candidates.all,
      errors: this.#errors,
      servers,
      flags: [...mappingFlags(this.#mappings), ...blockedUdpFlags(servers, this.#errors)],
      elapsedMs,
    };
  }

  /** Gives everything back. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const port of this.#listening) port.close();
    for (const socket of this.#sockets.values()) (await socket)?.close();
    const patience = new Patience(this.#dependencies.clock, CLOSE_MS);
    await patience.for(Promise.all(this.#allocations.map((opened) => opened.close())));
    for (const { allocation, client } of this.#allocations) {
      allocation.abandon();
      client.close();
    }
    patience.end();
  }

  #context(): QueryContext {
    const { policy, families, timeoutMs, trusted, mdns, signal, onError } = this.#options;
    return {
      dependencies: this.#dependencies,
      candidates: this.#candidates,
      pacing: this.#pacing,
      relayOnly: policy === 'relay',
      families,
      timeoutMs,
      signal,
      trusted,
      bases: this.#bases,
      hostSocket: (base) => this.#hostSocket(base),
      hidesAddresses: mdns,
      elapsedMs: () => this.#elapsedMs(),
      onError: (error) => {
        // That there was no answer yet says nothing of a server.
        if (signal?.aborted) return;
        this.#errors.push(error);
        onError?.(error);
      },
      onMapping: (mapping) => this.#mappings.push(mapping),
      onAllocation: (opened) => this.#keep(opened),
    };
  }

  async #gatherHost(base: LocalAddress): Promise<void> {
    const listening = this.#dependencies.listenTcp(base.ip);
    await this.#hostSocket(base);
    this.#candidates.addHost(base, { ip: base.ip, port: DISCARD_PORT }, 'active');
    const port = await listening;
    if (!port.ok) return;
    if (this.#closed) return port.value.close();
    this.#listening.push(port.value);
    this.#candidates.addHost(base, port.value.address, 'passive');
  }

  #hostSocket(base: LocalAddress): Promise<HostSocket | undefined> {
    const opened = this.#sockets.get(base) ?? this.#openHostSocket(base);
    this.#sockets.set(base, opened);
    return opened;
  }

  /** An address that is being taken away, or not yet confirmed, gives no socket and so no candidate. */
  async #openHostSocket(base: LocalAddress): Promise<HostSocket | undefined> {
    const socket = await HostSocket.open(base, this.#dependencies);
    if (!(socket instanceof HostSocket)) return undefined;
    if (this.#hosts.includes(base)) this.#candidates.addHost(base, socket.address);
    return socket;
  }

  #keep(opened: OpenedAllocation): void {
    if (this.#closed) void opened.close();
    else this.#allocations.push(opened);
  }

  #elapsedMs(): number {
    return Math.round((this.#dependencies.clock.now() - this.#startedAt) * 10) / 10;
  }
}
