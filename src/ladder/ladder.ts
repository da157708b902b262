import { type IceUrl, isSecure, isStunOnly } from '../client/ice-url.ts';
import type { LongTermCredentials } from '../client/long-term-authentication.ts';
import type { MessageSocket } from '../client/message-socket.ts';
import { isErrorResponse, type RequestFailure } from '../client/request-failure.ts';
import type { Result } from '../client/result.ts';
import type { TransportError } from '../client/transport-error.ts';
import type { TurnAllocation } from '../client/turn-allocation.ts';
import { type AllocateChallenge, TurnClient } from '../client/turn-client.ts';
import { formatTransportAddress, type IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import { PasswordAlgorithm } from '../stun/long-term-key.ts';
import { AddressFamily } from '../stun/protocol.ts';
import type { Advice } from './advice.ts';
import { alternateNote, followAlternates } from './alternate.ts';
import { BindingStep, isBehindNat } from './binding.ts';
import { LadderClients } from './clients.ts';
import { explainByClock } from './clock-skew.ts';
import { credentialWarnings, expiryOf, type LadderCredentials } from './credentials.ts';
import { echoThrough } from './echo.ts';
import { findElsewhere } from './elsewhere.ts';
import { arrivesFromOutside } from './outside.ts';
import type { ReachDependencies } from './reach.ts';
import {
  adviseOnEcho,
  allocationWarnings,
  emptyRealmWarning,
  explainsUnreachable,
  hidesClients,
  keepsPeersAway,
  openRelayWarning,
  slownessWarning,
  unreachableWarning,
} from './relay-advice.ts';
import { withElsewhere } from './request-advice.ts';
import { type ResolutionDependencies, resolveStep } from './resolution.ts';
import { type LadderReport, type Outcome, type Rung, type RungName, rungsOf } from './rung.ts';

export type { LadderCredentials } from './credentials.ts';

/** What the ladder needs from outside. */
export interface LadderDependencies extends ReachDependencies, ResolutionDependencies {
  /** Told of every rung as it passes or fails. */
  readonly onRung?: (rung: Rung) => void;
  /**
   * Called once the echo has passed, before the refresh step. Both allocations are open, with permissions and channels for each other;
   * their data handlers are free. What it returns is waited for; it must not reject.
   */
  readonly whileOpen?: (near: TurnAllocation, far: TurnAllocation) => Promise<void>;
  /**
   * Makes another credential from the shared secret, good for so long. With it a wrong clock is told from a wrong secret: at most two are
   * tried when the first one is refused.
   */
  readonly issueCredentials?: (ttlSeconds: number) => LongTermCredentials;
  /**
   * A UDP socket connected to a relayed address, as a peer has one that is no client of the server. With it the ladder sees whether
   * the relayed address is reached at all, and not only within the server.
   */
  readonly openPeer?: (relayed: TransportAddress) => Promise<Result<MessageSocket, TransportError>>;
  /** Aborted, it lets the ladder end after the step that is under way, with everything given back. */
  readonly signal?: AbortSignal;
  /** Whether to look for a STUN server at other usual ports of the host when there is none where the URL says; yes when left out. */
  readonly looksElsewhere?: boolean;
}

interface Allocated {
  readonly client: TurnClient;
  readonly allocation: TurnAllocation;
}

/** Problems that a wrong port has. */
const wrongPort: ReadonlySet<string> = new Set(['refused', 'no_answer', 'connect_timeout', 'not_stun']);

const echoOptions = { packets: 5, intervalMs: 20, waitMs: 2000 };

/**
 * Uses a server step by step as an application would, until a step fails: resolve, connect, TLS, Binding, two allocations, permissions,
 * channels, an echo through the relay, refresh, close.
 */
export class Ladder {
  readonly #url: IceUrl;
  readonly #credentials: LadderCredentials | undefined;
  readonly #dependencies: LadderDependencies;
  readonly #rungs: Rung[] = [];
  readonly #clients: LadderClients;
  readonly #binding: BindingStep;
  readonly #allocations: TurnAllocation[] = [];
  #servers: readonly TransportAddress[] = [];
  #saidSlow = false;

  constructor(url: IceUrl, credentials: LadderCredentials | undefined, dependencies: LadderDependencies) {
    this.#url = url;
    this.#credentials = credentials;
    this.#dependencies = dependencies;
    this.#clients = new LadderClients(url, credentials, dependencies);
    this.#binding = new BindingStep(url, this.#clients);
  }

  async climb(): Promise<LadderReport> {
    const passed = await this.#climb();
    // An allocation that is left behind would count against the user's quota for ten minutes. A silent server is told, not waited for.
    const closing = this.#allocations.map((allocation) => allocation.close());
    if (this.#serverAnswers()) await Promise.all(closing);
    this.#clients.close();
    return { passed, rungs: this.#rungs, notTested: rungsOf(this.#url).slice(this.#rungs.length) };
  }

  /** The steps in order; false as soon as one fails. */
  async #climb(): Promise<boolean> {
    const servers = await this.#rung('resolve', () => resolveStep(this.#url, this.#dependencies));
    const reached = servers && (await this.#reachServer(servers));
    if (!reached) return false;
    if (isStunOnly(this.#url)) return true;
    const client = await this.#rung('challenge', () => this.#challenge(reached));
    const a = client && (await this.#rung('allocate', () => this.#allocate('allocate', client)));
    const b = a && (await this.#rung('allocate-peer', () => this.#allocatePeer(a.client.server)));
    return a !== undefined && b !== undefined && this.#relay(a, b);
  }

  async #relay(a: Allocated, b: Allocated): Promise<boolean> {
    if (!(await this.#rung('permission', () => this.#permit(a, b)))) return false;
    if (!(await this.#rung('channel', () => this.#bindChannels(a, b)))) return false;
    if (!(await this.#rung('echo', () => this.#echo(a, b)))) return false;
    if (!this.#dependencies.signal?.aborted) await this.#dependencies.whileOpen?.(a.allocation, b.allocation);
    // Refreshes that met with what was measured there say nothing.
    this.#slowness('refresh');
    if (!(await this.#rung('refresh', () => this.#refresh(a)))) return false;
    return (await this.#rung('close', () => this.#close([a, b]))) === true;
  }

  async #reachServer(servers: readonly TransportAddress[]): Promise<TurnClient | undefined> {
    this.#servers = servers;
    if (this.#url.transport === 'udp') return this.#rung('binding', () => this.#binding.overUdp(servers));
    const reached = await this.#rung('connect', () => this.#clients.reach.connect(servers));
    if (!reached) return undefined;
    const socket = isSecure(this.#url)
      ? await this.#rung('tls', () => this.#clients.reach.secure(reached))
      : reached.connection.plain();
    if (!socket) return undefined;
    const client = this.#clients.on(socket, reached.server);
    return this.#rung('binding', () => this.#binding.overStream(client));
  }

  async #rung<T>(name: RungName, step: () => Promise<Outcome<T>>): Promise<T | undefined> {
    const { clock, onRung, signal } = this.#dependencies;
    if (signal?.aborted) return undefined;
    const startedAt = clock.now();
    const outcome = await step();
    const elapsedMs = microseconds(clock.now() - startedAt);
    const { passed, detail } = outcome;
    const rung: Rung = passed
      ? {
          ...{ name, passed, elapsedMs, detail },
          facts: outcome.facts ?? {},
          warnings: [...(outcome.warnings ?? []), ...this.#slowness(name)],
        }
      : {
          ...{ name, passed, elapsedMs, detail, facts: {}, warnings: [] },
          problem: await this.#elsewhere(outcome.problem),
        };
    this.#rungs.push(rung);
    onRung?.(rung);
    return outcome.passed ? outcome.value : undefined;
  }

  /** Says of a server that is not where the URL says where it is, if it is anywhere. */
  async #elsewhere(problem: Advice): Promise<Advice> {
    const [server] = this.#servers;
    const isReached = this.#rungs.some(({ name }) => name === 'binding');
    const looks = this.#dependencies.looksElsewhere !== false;
    if (!server || isReached || !looks || !wrongPort.has(problem.code)) return problem;
    return withElsewhere(problem, await findElsewhere(this.#url, server, this.#dependencies));
  }

  /** A warning, once, when the requests of a step were answered slowly. */
  #slowness(name: RungName): readonly Advice[] {
    const { slowestMs, mostSends } = this.#clients.takeExchanges();
    const warning = this.#saidSlow ? undefined : slownessWarning(name, slowestMs, mostSends);
    if (!warning) return [];
    this.#saidSlow = true;
    return [warning];
  }

  async #challenge(first: TurnClient): Promise<Outcome<TurnClient>> {
    const followed = await this.#follow(first, (client) => client.challenge());
    if ('passed' in followed) return followed;
    const { client, answer, hops } = followed;
    if (!answer.ok) return this.#clients.refused('challenge', client, answer.error);
    const { detail, facts, warnings } = await challengeFindings(answer.value);
    // Where the allocation was granted at once, some servers do not give this address and port another one for a while.
    const next = answer.value.kind === 'open' ? await this.#clients.open(client.server) : client;
    if (!(next instanceof TurnClient)) return next;
    return { passed: true, value: next, detail, facts, warnings: [...alternateNote(hops), ...warnings] };
  }

  async #allocate(name: RungName, first: TurnClient, isRetry = false): Promise<Outcome<Allocated>> {
    // An IPv6 server may not relay IPv4, which is what a request without a family asks for.
    const { family } = first.server.ip;
    const options = family === AddressFamily.ipv6 ? { addressFamily: family } : {};
    const followed = await this.#follow(first, (client) => client.allocate(options));
    if ('passed' in followed) return followed;
    const { client, answer, hops } = followed;
    if (!answer.ok) {
      // RFC 8656 §7.4: somebody behind the same NAT may have had this port before.
      const other = !isRetry && isErrorResponse(answer.error, 437) && (await this.#clients.open(client.server));
      if (other instanceof TurnClient) return this.#allocate(name, other, true);
      const refused = this.#clients.refused(name, client, answer.error);
      const problem = await this.#wrongClock(client.server, answer.error);
      return problem ? { ...refused, problem } : refused;
    }
    const allocation = answer.value;
    this.#allocations.push(allocation);
    const { relayedAddress, granted } = allocation;
    const { lifetimeSeconds, mappedAddress } = granted;
    const context = { server: client.server.ip, mapped: mappedAddress.ip };
    const about = allocationWarnings(relayedAddress, lifetimeSeconds, context);
    const credentials = this.#credentials;
    const expiresAt = credentials && expiryOf(credentials.username);
    return {
      passed: true,
      value: { client, allocation },
      detail: `relayed ${formatTransportAddress(relayedAddress)}`,
      facts: {
        relayedAddress: formatTransportAddress(relayedAddress),
        mappedAddress: formatTransportAddress(mappedAddress),
        lifetimeSeconds,
        ...(keepsPeersAway(about, context.server) && { reachableByPeers: false }),
        ...(expiresAt !== undefined && { credentialExpiresAt: expiresAt }),
      },
      warnings: [...alternateNote(hops), ...about, ...credentialWarnings(credentials, this.#dependencies.unixNow())],
    };
  }

  async #allocatePeer(server: TransportAddress): Promise<Outcome<Allocated>> {
    const client = await this.#clients.open(server);
    if (!(client instanceof TurnClient)) return client;
    const outcome = await this.#allocate('allocate-peer', client);
    // What there is to say was said at the first allocation.
    return outcome.passed ? { ...outcome, warnings: [] } : outcome;
  }

  #follow<T>(first: TurnClient, ask: (client: TurnClient) => Promise<Result<T, RequestFailure>>) {
    return followAlternates(first, ask, this.#clients);
  }

  /** Why a credential was refused that was just made from a shared secret, if that is because of a clock. */
  async #wrongClock(server: TransportAddress, failure: RequestFailure): Promise<Advice | undefined> {
    const { issueCredentials, unixNow } = this.#dependencies;
    if (this.#credentials?.source !== 'shared-secret' || !issueCredentials || !isWrongCredentials(failure))
      return undefined;
    return explainByClock(this.#credentials, unixNow(), issueCredentials, async (credentials) => {
      const client = await this.#clients.open(server, { credentials });
      if (!(client instanceof TurnClient)) return 'unclear';
      const answer = await client.allocate();
      if (!answer.ok) return isWrongCredentials(answer.error) ? 'refused' : 'unclear';
      await answer.value.close();
      return 'taken';
    });
  }

  #permit(a: Allocated, b: Allocated): Promise<Outcome<true>> {
    return this.#bothWays('permission', a, b, (from, to) => from.createPermission([to.relayedAddress]));
  }

  #bindChannels(a: Allocated, b: Allocated): Promise<Outcome<true>> {
    return this.#bothWays('channel', a, b, (from, to) => from.bindChannel(to.relayedAddress));
  }

  async #bothWays(
    name: RungName,
    a: Allocated,
    b: Allocated,
    ask: (from: TurnAllocation, to: TurnAllocation) => Promise<Result<unknown, RequestFailure>>,
  ): Promise<Outcome<true>> {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const answer = await ask(from.allocation, to.allocation);
      if (!answer.ok) return this.#clients.refused(name, from.client, answer.error, to.allocation.relayedAddress);
    }
    return { passed: true, value: true, detail: 'both ways' };
  }

  async #echo(a: Allocated, b: Allocated): Promise<Outcome<true>> {
    const { clock } = this.#dependencies;
    const { sent, roundTripsMs } = await echoThrough(a.allocation, b.allocation, clock, echoOptions);
    const received = roundTripsMs.length;
    const count = `${received} of ${sent} packets`;
    const problem = adviseOnEcho(sent, received, b.allocation.relayedAddress.ip, b.client.server.ip);
    if (received === 0) return { passed: false, detail: count, problem: problem! };
    const sorted = roundTripsMs.map(microseconds).sort((x, y) => x - y);
    const medianMs = sorted[Math.floor(received / 2)]!;
    const reachableFromHere = await this.#reachesFromOutside(a);
    const isNews = reachableFromHere === false && !this.#hasExplained(a.client.server.ip);
    return {
      passed: true,
      value: true,
      detail: `${count}, RTT ${formatMilliseconds(medianMs)} between the two`,
      facts: {
        sent,
        received,
        roundTripsMs: sorted,
        medianMs,
        ...(reachableFromHere !== undefined && { reachableFromHere }),
      },
      warnings: [...(problem ? [problem] : []), ...(isNews ? [unreachableWarning(a.allocation.relayedAddress)] : [])],
    };
  }

  /** Whether what this machine sends straight to the relayed address arrives; `undefined` where that cannot be told. */
  async #reachesFromOutside({ client, allocation }: Allocated): Promise<boolean | undefined> {
    const { openPeer, clock } = this.#dependencies;
    const { relayedAddress, granted } = allocation;
    const mapped = granted.mappedAddress;
    // Where UDP may not leave this network, nothing that fails is the server's doing.
    if (!openPeer || this.#url.transport !== 'udp' || mapped.ip.family !== relayedAddress.ip.family) return undefined;
    if (hidesClients(mapped.ip, relayedAddress.ip)) return undefined;
    const socket = await openPeer(relayedAddress);
    if (!socket.ok) return undefined;
    const { localAddress } = socket.value;
    // Of a machine with several ways out, what goes straight there may leave under the local address although the server is behind a NAT.
    const peers = isBehindNat(client, mapped) ? [mapped, localAddress] : [localAddress];
    return arrivesFromOutside(allocation, { socket: socket.value, peers, clock });
  }

  #hasExplained(server: IpAddress): boolean {
    return explainsUnreachable(
      this.#rungs.flatMap(({ warnings }) => warnings),
      server,
    );
  }

  async #refresh({ client, allocation }: Allocated): Promise<Outcome<true>> {
    const answer = await allocation.refresh();
    if (!answer.ok) return this.#clients.refused('refresh', client, answer.error);
    const lifetimeSeconds = answer.value;
    return { passed: true, value: true, detail: `for another ${lifetimeSeconds} s`, facts: { lifetimeSeconds } };
  }

  async #close(both: readonly Allocated[]): Promise<Outcome<true>> {
    for (const { client, allocation } of both) {
      this.#allocations.splice(this.#allocations.indexOf(allocation), 1);
      const answer = await allocation.close();
      if (!answer.ok) return this.#clients.refused('close', client, answer.error);
    }
    return { passed: true, value: true, detail: 'both allocations given back' };
  }

  #serverAnswers(): boolean {
    const code = this.#rungs.at(-1)?.problem?.code;
    return code !== 'no_answer' && code !== 'unreachable' && code !== 'refused';
  }
}

/** What an answer to a request without credentials tells. An allocation that it grants is given back. */
async function challengeFindings(answer: AllocateChallenge): Promise<Required<Findings>> {
  if (answer.kind === 'open') {
    await answer.allocation.close();
    return { detail: 'no credentials are asked for', facts: { open: true }, warnings: [openRelayWarning] };
  }
  const { realm, algorithm } = answer.challenge;
  const name = algorithm === PasswordAlgorithm.sha256 ? 'SHA-256' : 'MD5';
  return {
    detail: `realm ${printable(realm) || '(empty)'}, ${name}`,
    facts: { open: false, realm, algorithm: name },
    warnings: realm === '' ? [emptyRealmWarning] : [],
  };
}

type Findings = Pick<Outcome<true> & { readonly passed: true }, 'detail' | 'facts' | 'warnings'>;

function isWrongCredentials(failure: RequestFailure): boolean {
  return failure.kind === 'error-response' && failure.code === 401 && failure.authenticated;
}

/** `12 ms`, `0.4 ms`. */
export function formatMilliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** Milliseconds without the digits that no clock here can mean. */
function microseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** Text from the network has no business moving the cursor of a terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '\ufffd');
}
