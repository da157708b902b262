import { type IceUrl, isSecure, isStunOnly, parseIceUrl } from '../client/ice-url.ts';
import type { OpenedAllocation } from '../client/open-allocation.ts';
import type { RequestFailure } from '../client/request-failure.ts';
import type { Result } from '../client/result.ts';
import { endpointOf, type ServerEndpoint } from '../client/server-endpoint.ts';
import { type BindingAnswer, StunClient } from '../client/stun-client.ts';
import { type Advice, advice } from '../ladder/advice.ts';
import { noRoute } from '../ladder/connection-advice.ts';
import { credentialWarnings } from '../ladder/credentials.ts';
import { openRelayWarning } from '../ladder/relay-advice.ts';
import type { AdviceContext } from '../ladder/request-advice.ts';
import { adviseOnResolution, resolveStep } from '../ladder/resolution.ts';
import {
  formatTransportAddress,
  type IpAddress,
  isLoopback,
  sameAddress,
  type TransportAddress,
} from '../stun/ip-address.ts';
import type { AddressFamily } from '../stun/protocol.ts';
import { isOfOneNetwork } from './address-kinds.ts';
import { type Mapping, reflexiveFlags, relayedFlags } from './candidate-flags.ts';
import type { CandidateServer, CandidateSet } from './candidate-set.ts';
import type { GatherDependencies } from './dependencies.ts';
import type { HostSocket } from './host-socket.ts';
import type { AskedUrl } from './ice-server.ts';
import type { LocalAddress } from './local-addresses.ts';
import type { Pacing } from './pacing.ts';
import { Patience } from './patience.ts';
import { type Place, placesOf } from './places.ts';
import { notReached, type ProbeProblem, requestFailed, silentHere, type Usage } from './probe-problem.ts';
import { openRelay, type RelayFailure, type RelaySearch } from './relay.ts';
import type { CandidateError, ServerReport } from './report.ts';
import { gatherRetransmission } from './retransmission.ts';
import { type ServerSocketOptions, ServerWay } from './server-socket.ts';

/** What the queries of one gathering share. */
export interface QueryContext {
  readonly dependencies: GatherDependencies;
  readonly candidates: CandidateSet;
  readonly pacing: Pacing;
  readonly relayOnly: boolean;
  readonly families: readonly AddressFamily[];
  readonly timeoutMs: number;
  /** Ends the query at once. */
  readonly signal: AbortSignal | undefined;
  readonly trusted: string | undefined;
  /** All addresses from which servers may be asked. */
  readonly bases: readonly LocalAddress[];
  /** The socket of an address; `undefined` when there could be none. */
  readonly hostSocket: (base: LocalAddress) => Promise<HostSocket | undefined>;
  /** Whether errors may name local addresses. */
  readonly hidesAddresses: boolean;
  readonly elapsedMs: () => number;
  readonly onError: (error: CandidateError) => void;
  readonly onMapping: (mapping: Mapping) => void;
  /** Takes an allocation over, to give it back in the end. */
  readonly onAllocation: (opened: OpenedAllocation) => void;
}

/** Gathers what one URL has to give: finds the server, and asks it over every way from this machine at once. */
export class ServerQuery {
  readonly #asked: AskedUrl;
  readonly #rank: number;
  readonly #context: QueryContext;
  readonly #patience: Patience;
  readonly #flags = new Map<string, Advice>();
  #addresses: readonly string[] = [];
  #answeredAtMs: number | undefined;

  /** @param rank its place among the URLs, from 0 */
  constructor(asked: AskedUrl, rank: number, context: QueryContext) {
    this.#asked = asked;
    this.#rank = rank;
    this.#context = context;
    this.#patience = new Patience(context.dependencies.clock, context.timeoutMs, context.signal);
  }

  async run(): Promise<ServerReport> {
    try {
      return this.#report(await this.#ask());
    } finally {
      this.#patience.end();
    }
  }

  #report(asked: boolean): ServerReport {
    const answered = this.#answeredAtMs !== undefined;
    return {
      url: this.#asked.text,
      status: !asked ? 'not-asked' : answered ? 'answered' : 'failed',
      addresses: this.#addresses,
      elapsedMs: this.#answeredAtMs ?? this.#context.elapsedMs(),
      flags: [...this.#flags.values()],
    };
  }

  /** False when the policy leaves the server out. */
  async #ask(): Promise<boolean> {
    const parsed = parseIceUrl(this.#asked.text);
    if (!parsed.ok) {
      this.#fail(undefined, undefined, notReached('url', 'STUN', badUrl(parsed.error.reason)));
      return true;
    }
    const url = parsed.value;
    if (this.#context.relayOnly && isStunOnly(url)) return false;
    const endpoints = await this.#resolve(url);
    if (endpoints === undefined) return true;
    const places = placesOf(endpoints, this.#context.bases);
    if (places.length === 0) {
      const [{ address }] = endpoints as readonly [ServerEndpoint];
      const problem = noRoute(formatTransportAddress(address), 'ENETUNREACH');
      this.#fail(undefined, address, notReached('connection', usageOf(url), problem));
    }
    await Promise.all(places.map((place) => this.#askPlace(url, place)));
    return true;
  }

  /** `undefined` when that failed, which is then said. */
  async #resolve(url: IceUrl): Promise<readonly ServerEndpoint[] | undefined> {
    if (isSecure(url) && url.transport === 'udp') {
      this.#fail(undefined, undefined, notReached('url', usageOf(url), dtls(this.#asked.text)));
      return undefined;
    }
    const { dependencies, families } = this.#context;
    const outcome = await this.#patience.for(resolveStep(url, dependencies));
    const wanted = outcome?.passed ? outcome.value.filter(({ ip }) => families.includes(ip.family)) : [];
    if (outcome?.passed && wanted.length > 0) {
      this.#addresses = wanted.map(formatTransportAddress);
      for (const flag of outcome.warnings ?? []) this.#flag(flag);
      const transport = isSecure(url) ? 'tls' : url.transport;
      return wanted.map((address) => endpointOf(url, transport, address, { via: 'address' }));
    }
    const code = outcome === undefined ? 'ETIMEOUT' : 'ENODATA';
    const problem = outcome?.passed === false ? outcome.problem : adviseOnResolution(url.host, { code });
    this.#fail(undefined, undefined, notReached('lookup', usageOf(url), problem));
    return undefined;
  }

  async #askPlace(url: IceUrl, place: Place): Promise<void> {
    if (isStunOnly(url)) {
      await (isSecure(url) ? this.#bindingOverTls(url, place) : this.#reflexive(url, place));
      return;
    }
    const overUdp = place.endpoints[0].transport === 'udp';
    // Browsers ask a TURN server that is reached over UDP what a STUN server is asked, too.
    const reflexive = overUdp && !this.#context.relayOnly ? this.#reflexive(url, place) : Promise.resolve(false);
    await Promise.all([reflexive, this.#relay(url, place, reflexive)]);
  }

  /** Asks over UDP how the socket of the host candidate is seen. @returns whether there was an answer */
  async #reflexive(url: IceUrl, { endpoints, base }: Place): Promise<boolean> {
    await this.#context.pacing.turn();
    const host = await this.#context.hostSocket(base);
    let local: TransportAddress | undefined = host?.address;
    let server = endpoints[0].address;
    let answer: Result<BindingAnswer, RequestFailure> | undefined;
    for (const endpoint of endpoints) {
      server = endpoint.address;
      answer = host && (await this.#patience.for(host.binding(server, endpoints.length)));
      if (answer === undefined || answer.ok) break;
    }
    local ??= { ip: base.ip, port: 0 };
    if (answer?.ok) {
      if (isStunOnly(url)) this.#answered();
      this.#foundReflexive(base, local, answer.value.mappedAddress, server);
      return true;
    }
    // Of a TURN server the relay has more to say.
    if (isStunOnly(url)) this.#fail(base, server, this.#requestProblem(url, base, server, answer?.error), local);
    return false;
  }

  #foundReflexive(
    base: LocalAddress,
    socket: TransportAddress,
    mapped: TransportAddress,
    server: TransportAddress,
  ): void {
    const { candidates, onMapping } = this.#context;
    const url = this.#asked.text;
    // A server on this machine, asked from a loopback address, tells nothing new.
    if (isLoopback(mapped.ip) && sameAddress(mapped.ip, socket.ip)) return;
    onMapping({ url, server, socket, mapped });
    candidates.addReflexive(base, socket, mapped, this.#server(server), reflexiveFlags(mapped.ip, socket.ip));
    if (sameAddress(mapped.ip, socket.ip) && isOfOneNetwork(mapped.ip)) this.#flag(seesHostAddress(mapped.ip));
  }

  /** `stuns:` gives no candidate, since what is seen over TLS says nothing about UDP; but whether it answers can be told. */
  async #bindingOverTls(url: IceUrl, { endpoints, base }: Place): Promise<void> {
    await this.#context.pacing.turn();
    const { dependencies } = this.#context;
    const [endpoint] = endpoints;
    const server = endpoint.address;
    const way = new ServerWay(endpoint, base, this.#socketOptions(url), dependencies);
    const opened = await this.#patience.for(way.open(), (late) => late.ok && late.value.socket.close());
    if (!opened) return this.#fail(base, server, this.#requestProblem(url, base, server, undefined));
    if (!opened.ok) return this.#fail(base, server, opened.error.problem);
    const { socket, flags } = opened.value;
    const { clock, random } = dependencies;
    const stun = new StunClient(socket, { clock, random, retransmission: gatherRetransmission(1) });
    const answer = await this.#patience.for(stun.binding(server));
    stun.close();
    if (!answer?.ok) return this.#fail(base, server, this.#requestProblem(url, base, server, answer?.error));
    this.#answered();
    for (const flag of [...flags, stunOverTls]) this.#flag(flag);
  }

  async #relay(url: IceUrl, place: Place, reflexive: Promise<boolean>): Promise<void> {
    await this.#context.pacing.turn();
    const { endpoints, base } = place;
    const { credentials } = this.#asked;
    let local: TransportAddress | undefined;
    const search: RelaySearch = {
      endpoints,
      base,
      credentials,
      socketOptions: this.#socketOptions(url),
      onSocket: (address) => {
        local = address;
      },
    };
    const relay = await this.#patience.for(openRelay(search, this.#context.dependencies), (late) => {
      if (late.ok) this.#context.onAllocation(late.value.opened);
    });
    if (!relay?.ok) {
      const server = relay?.error.endpoint.address ?? endpoints[0].address;
      return this.#fail(base, server, await this.#relayProblem(url, base, server, relay?.error, reflexive), local);
    }
    const { opened, flags } = relay.value;
    this.#context.onAllocation(opened);
    this.#answered();
    for (const flag of flags) this.#flag(flag);
    if (credentials === undefined) this.#flag(openRelayWarning);
    for (const flag of credentialWarnings(credentials, this.#context.dependencies.unixNow())) this.#flag(flag);
    this.#foundRelay(base, opened);
  }

  #foundRelay(base: LocalAddress, { allocation, endpoint }: OpenedAllocation): void {
    const { bases, candidates } = this.#context;
    const { relayedAddresses, mappedAddress } = allocation.granted;
    const own = bases.map(({ ip }) => ip);
    for (const relayed of relayedAddresses) {
      const flags = relayedFlags(relayed, allocation.granted, endpoint.address.ip, own);
      candidates.addRelayed(base, relayed, mappedAddress, this.#server(endpoint.address), endpoint.transport, flags);
    }
  }

  async #relayProblem(
    url: IceUrl,
    base: LocalAddress,
    server: TransportAddress,
    failed: RelayFailure | undefined,
    reflexive: Promise<boolean>,
  ): Promise<ProbeProblem> {
    if (failed?.kind === 'no-socket') return failed.problem;
    const reason = failed?.reason;
    if (reason?.kind === 'error-response') return requestFailed('TURN', 'allocate', reason, this.#advice(url, server));
    const speaksTls =
      failed?.endpoint.transport === 'tcp' ? await this.#patience.for(failed.way.speaksTls()) : undefined;
    if (speaksTls) return notReached('connection', 'TURN', speaksTls);
    // A server that answers Binding and not Allocate is something else than one that does not answer.
    const rung = (await reflexive) ? 'challenge' : 'binding';
    return this.#requestProblem(url, base, server, reason, rung);
  }

  /** @param reason nothing when the time was over */
  #requestProblem(
    url: IceUrl,
    base: LocalAddress,
    server: TransportAddress,
    reason: RequestFailure | undefined,
    rung: 'binding' | 'challenge' = 'binding',
  ): ProbeProblem {
    const usage = usageOf(url);
    const silent = reason === undefined || reason.kind === 'timeout' || reason.kind === 'closed';
    if (silent && this.#answeredAtMs !== undefined) return silentHere(usage, base.ip.text, base.interfaceName);
    const waited: RequestFailure = { kind: 'timeout', sends: 1, waitedMs: this.#patience.waitedMs };
    return requestFailed(usage, rung, silent ? waited : reason, this.#advice(url, server));
  }

  #advice(url: IceUrl, server: TransportAddress): AdviceContext {
    return { server, url, credentials: this.#asked.credentials, unixNow: this.#context.dependencies.unixNow() };
  }

  #answered(): void {
    this.#answeredAtMs ??= this.#context.elapsedMs();
    this.#patience.answered();
  }

  #flag(flag: Advice): void {
    this.#flags.set(flag.code, flag);
  }

  #fail(
    base: LocalAddress | undefined,
    server: TransportAddress | undefined,
    { errorCode, errorText, problem }: ProbeProblem,
    local?: TransportAddress,
  ): void {
    const { elapsedMs, hidesAddresses, onError } = this.#context;
    const shown = base !== undefined && !hidesAddresses;
    onError({
      address: shown ? base.ip.text : null,
      port: shown && local ? local.port : null,
      url: this.#asked.text,
      errorCode,
      errorText,
      server: server ? formatTransportAddress(server) : null,
      problem,
      elapsedMs: elapsedMs(),
    });
  }

  #socketOptions(url: IceUrl): ServerSocketOptions {
    return { url, usage: usageOf(url), trusted: this.#context.trusted, patience: this.#patience };
  }

  #server(address: TransportAddress): CandidateServer {
    return { url: this.#asked.text, address, rank: this.#rank };
  }
}

function usageOf(url: IceUrl): Usage {
  return isStunOnly(url) ? 'STUN' : 'TURN';
}

function badUrl(reason: string): Advice {
  return advice(
    'bad_url',
    `This is no STUN or TURN URL: ${reason}.`,
    'Correct it. A browser refuses the whole configuration for it.',
  );
}

function dtls(text: string): Advice {
  return advice(
    'dtls',
    `${text} means TLS over UDP (DTLS), which neither this program nor a browser speaks.`,
    'Leave ?transport=udp out for TLS over TCP.',
  );
}

function seesHostAddress(ip: IpAddress): Advice {
  return advice(
    'srflx_equals_host',
    `The server sees this machine under its own address ${ip.text}: both are in the same private network, and so there is no reflexive candidate.`,
    'Ask a server in the Internet to learn the public address of this network.',
  );
}

const stunOverTls = advice(
  'stun_over_tls',
  'It answers over TLS, but that gives no candidate: how a server sees a TLS connection says nothing about UDP.',
  'Use a stun: URL.',
);
