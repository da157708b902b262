import { formatTransportAddress, type IpAddress, sameAddress, type TransportAddress } from '../stun/ip-address.ts';
import { PasswordAlgorithm } from '../stun/long-term-key.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { echoThrough } from './echo.ts';
import type { ResolutionError } from './host-resolution.ts';
import { type IceUrl, isSecure, isStunOnly } from './ice-url.ts';
import {
  adviseOnEcho,
  adviseOnRequest,
  adviseOnResolution,
  type CredentialSource,
  openRelayWarning,
  relayedAddressWarning,
} from './ladder-advice.ts';
import { LadderReach, type ReachDependencies } from './ladder-reach.ts';
import type { LongTermCredentials } from './long-term-authentication.ts';
import type { MessageSocket } from './message-socket.ts';
import { describeFailure, type RequestFailure } from './request-failure.ts';
import type { Result } from './result.ts';
import { diagnosticRetransmission, type RetransmissionProfile } from './retransmission.ts';
import { type Advice, type LadderReport, type Outcome, type Rung, type RungName, rungsOf } from './rung.ts';
import type { TurnAllocation } from './turn-allocation.ts';
import { TurnClient } from './turn-client.ts';

export interface LadderCredentials extends LongTermCredentials {
  readonly source: CredentialSource;
}

/** What the ladder needs from outside. */
export interface LadderDependencies extends ReachDependencies {
  readonly resolveHost: (host: string) => Promise<Result<readonly IpAddress[], ResolutionError>>;
  /** Told of every rung as it passes or fails. */
  readonly onRung?: (rung: Rung) => void;
}

type Failed = Outcome<never> & { readonly passed: false };

const echoOptions = { packets: 5, intervalMs: 20, waitMs: 2000 };

/**
 * Uses a server step by step as an application would, until a step fails: resolve, connect, TLS, Binding, two allocations, permissions,
 * channels, an echo through the relay, refresh, close.
 */
export class Ladder {
  readonly #url: IceUrl;
  readonly #credentials: LadderCredentials | undefined;
  readonly #dependencies: LadderDependencies;
  readonly #reach: LadderReach;
  readonly #rungs: Rung[] = [];
  readonly #clients: TurnClient[] = [];
  readonly #allocations: TurnAllocation[] = [];
  #retransmission: RetransmissionProfile = diagnosticRetransmission();

  constructor(url: IceUrl, credentials: LadderCredentials | undefined, dependencies: LadderDependencies) {
    this.#url = url;
    this.#credentials = credentials;
    this.#dependencies = dependencies;
    this.#reach = new LadderReach(url, dependencies);
  }

  async climb(): Promise<LadderReport> {
    const passed = await this.#climb();
    // An allocation that is left behind would count against the user's quota for ten minutes.
    if (this.#serverAnswers()) await Promise.all(this.#allocations.map((allocation) => allocation.close()));
    for (const allocation of this.#allocations) allocation.abandon();
    for (const client of this.#clients) client.close();
    return { passed, rungs: this.#rungs, notTested: rungsOf(this.#url).slice(this.#rungs.length) };
  }

  /** The steps in order; false as soon as one fails. */
  async #climb(): Promise<boolean> {
    const addresses = await this.#rung('resolve', () => this.#resolve());
    const client = addresses && (await this.#reachServer(addresses));
    if (!client) return false;
    if (isStunOnly(this.#url)) return true;
    if (!(await this.#rung('challenge', () => this.#challenge(client)))) return false;
    const a = await this.#rung('allocate', () => this.#allocate('allocate', client));
    const b = a && (await this.#rung('allocate-peer', () => this.#allocatePeer(client.server)));
    if (!a || !b) return false;
    const rest: readonly [RungName, () => Promise<Outcome<true>>][] = [
      ['permission', () => this.#permit(a, b)],
      ['channel', () => this.#bindChannels(a, b)],
      ['echo', () => this.#echo(a, b)],
      ['refresh', () => this.#refresh(a)],
      ['close', () => this.#close()],
    ];
    for (const [name, step] of rest) if (!(await this.#rung(name, step))) return false;
    return true;
  }

  async #reachServer(addresses: readonly IpAddress[]): Promise<TurnClient | undefined> {
    if (this.#url.transport === 'udp') return this.#rung('binding', () => this.#binding(addresses));
    const reached = await this.#rung('connect', () => this.#reach.connect(addresses));
    if (!reached) return undefined;
    const socket = isSecure(this.#url)
      ? await this.#rung('tls', () => this.#reach.secure(reached))
      : reached.connection.plain();
    if (!socket) return undefined;
    const client = this.#clientOn(socket, reached.server);
    return this.#rung('binding', () => this.#bindingOnStream(client));
  }

  async #rung<T>(name: RungName, step: () => Promise<Outcome<T>>): Promise<T | undefined> {
    const { clock, onRung } = this.#dependencies;
    const startedAt = clock.now();
    const outcome = await step();
    const rung: Rung = {
      name,
      passed: outcome.passed,
      elapsedMs: microseconds(clock.now() - startedAt),
      detail: outcome.detail,
      facts: (outcome.passed && outcome.facts) || {},
      warnings: (outcome.passed && outcome.warnings) || [],
      ...(outcome.passed ? {} : { problem: outcome.problem }),
    };
    this.#rungs.push(rung);
    onRung?.(rung);
    return outcome.passed ? outcome.value : undefined;
  }

  async #resolve(): Promise<Outcome<readonly IpAddress[]>> {
    const { host } = this.#url;
    const resolved = await this.#dependencies.resolveHost(host);
    if (!resolved.ok)
      return { passed: false, detail: resolved.error.code, problem: adviseOnResolution(host, resolved.error) };
    const addresses = resolved.value.map(({ text }) => text);
    return { passed: true, value: resolved.value, detail: addresses.join(', '), facts: { addresses } };
  }

  /** Tries one address after the other, as an application would. */
  async #binding(addresses: readonly IpAddress[]): Promise<Outcome<TurnClient>> {
    const silent: Advice[] = [];
    let last: Outcome<TurnClient> | undefined;
    for (const ip of addresses) {
      const server = { ip, port: this.#url.port };
      const outcome = await this.#bindingAt(server);
      if (outcome.passed) return { ...outcome, warnings: silent };
      silent.push(outcome.problem);
      last = outcome;
    }
    return last!;
  }

  async #bindingAt(server: TransportAddress): Promise<Outcome<TurnClient>> {
    const client = await this.#connect(server);
    return client instanceof TurnClient ? this.#bindingWith(client) : client;
  }

  async #bindingOnStream(client: TurnClient): Promise<Outcome<TurnClient>> {
    const outcome = await this.#bindingWith(client);
    if (outcome.passed || isSecure(this.#url)) return outcome;
    const problem = await this.#reach.speaksTls(client.server);
    return problem ? { ...outcome, problem } : outcome;
  }

  async #bindingWith(client: TurnClient): Promise<Outcome<TurnClient>> {
    const { server } = client;
    const answer = await client.binding();
    if (!answer.ok) return this.#refused('binding', server, answer.error);
    const { mappedAddress, elapsedMs, sends } = answer.value;
    if (sends === 1) this.#retransmission = diagnosticRetransmission(elapsedMs);
    const mapped = formatTransportAddress(mappedAddress);
    const { localAddress } = client.stun.socket;
    const behindNat = !(sameAddress(mappedAddress.ip, localAddress.ip) && mappedAddress.port === localAddress.port);
    const facts = { server: formatTransportAddress(server), mappedAddress: mapped, behindNat, sends };
    return { passed: true, value: client, detail: `your address ${mapped}${behindNat ? ', behind a NAT' : ''}`, facts };
  }

  async #challenge(client: TurnClient): Promise<Outcome<true>> {
    const answer = await client.challenge();
    if (!answer.ok) return this.#refused('challenge', client.server, answer.error);
    if (answer.value.kind === 'open') {
      await answer.value.allocation.close();
      const detail = 'no credentials are asked for';
      return { passed: true, value: true, detail, facts: { open: true }, warnings: [openRelayWarning] };
    }
    const { realm, algorithm } = answer.value.challenge;
    const name = algorithm === PasswordAlgorithm.sha256 ? 'SHA-256' : 'MD5';
    return {
      passed: true,
      value: true,
      detail: `realm ${printable(realm)}, ${name}`,
      facts: { open: false, realm, algorithm: name },
    };
  }

  async #allocate(name: RungName, client: TurnClient): Promise<Outcome<TurnAllocation>> {
    // An IPv6 server may not relay IPv4, which is what a request without a family asks for.
    const { family } = client.server.ip;
    const answer = await client.allocate(family === AddressFamily.ipv6 ? { addressFamily: family } : {});
    if (!answer.ok) return this.#refused(name, client.server, answer.error);
    const allocation = answer.value;
    this.#allocations.push(allocation);
    const { relayedAddress, granted } = allocation;
    const relayed = formatTransportAddress(relayedAddress);
    const warning = relayedAddressWarning(relayedAddress.ip, client.server.ip);
    const { lifetimeSeconds } = granted;
    return {
      passed: true,
      value: allocation,
      detail: `relayed ${relayed}`,
      facts: { relayedAddress: relayed, mappedAddress: formatTransportAddress(granted.mappedAddress), lifetimeSeconds },
      warnings: warning ? [warning] : [],
    };
  }

  async #allocatePeer(server: TransportAddress): Promise<Outcome<TurnAllocation>> {
    const client = await this.#connect(server);
    if (!(client instanceof TurnClient)) return client;
    const outcome = await this.#allocate('allocate-peer', client);
    // What there is to say about the address was said at the first allocation.
    return outcome.passed ? { ...outcome, warnings: [] } : outcome;
  }

  #permit(a: TurnAllocation, b: TurnAllocation): Promise<Outcome<true>> {
    return this.#bothWays('permission', a, b, (from, to) => from.createPermission([to.relayedAddress]));
  }

  #bindChannels(a: TurnAllocation, b: TurnAllocation): Promise<Outcome<true>> {
    return this.#bothWays('channel', a, b, (from, to) => from.bindChannel(to.relayedAddress));
  }

  async #bothWays(
    name: RungName,
    a: TurnAllocation,
    b: TurnAllocation,
    ask: (from: TurnAllocation, to: TurnAllocation) => Promise<Result<unknown, RequestFailure>>,
  ): Promise<Outcome<true>> {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const answer = await ask(from, to);
      if (!answer.ok) return this.#refused(name, to.relayedAddress, answer.error);
    }
    return { passed: true, value: true, detail: 'both ways' };
  }

  async #echo(a: TurnAllocation, b: TurnAllocation): Promise<Outcome<true>> {
    const { sent, roundTripsMs } = await echoThrough(a, b, this.#dependencies.clock, echoOptions);
    const received = roundTripsMs.length;
    const count = `${received} of ${sent} packets`;
    const problem = adviseOnEcho(sent, received);
    if (received === 0) return { passed: false, detail: count, problem: problem! };
    const sorted = roundTripsMs.map(microseconds).sort((x, y) => x - y);
    const medianMs = sorted[Math.floor(received / 2)]!;
    return {
      passed: true,
      value: true,
      detail: `${count}, RTT ${formatMilliseconds(medianMs)}`,
      facts: { sent, received, roundTripsMs: sorted, medianMs },
      warnings: problem ? [problem] : [],
    };
  }

  async #refresh(a: TurnAllocation): Promise<Outcome<true>> {
    const answer = await a.refresh();
    if (!answer.ok) return this.#refused('refresh', a.relayedAddress, answer.error);
    const lifetimeSeconds = answer.value;
    return { passed: true, value: true, detail: `for another ${lifetimeSeconds} s`, facts: { lifetimeSeconds } };
  }

  async #close(): Promise<Outcome<true>> {
    for (const allocation of this.#allocations.splice(0)) {
      const answer = await allocation.close();
      if (!answer.ok) return this.#refused('close', allocation.relayedAddress, answer.error);
    }
    return { passed: true, value: true, detail: 'both allocations given back' };
  }

  async #connect(server: TransportAddress): Promise<TurnClient | Failed> {
    const socket = await this.#reach.open(server);
    return socket.ok ? this.#clientOn(socket.value, server) : socket.error;
  }

  #clientOn(socket: MessageSocket, server: TransportAddress): TurnClient {
    const credentials = this.#credentials;
    const { clock } = this.#dependencies;
    const client = new TurnClient(socket, {
      server,
      clock,
      retransmission: this.#retransmission,
      ...(credentials && { credentials }),
    });
    this.#clients.push(client);
    return client;
  }

  #refused(name: RungName, about: TransportAddress, failure: RequestFailure): Failed {
    const { username, source } = this.#credentials ?? {};
    const context = { about, url: this.#url, username, source, unixNow: this.#dependencies.unixNow() };
    const problem = adviseOnRequest(name, failure, context);
    return { passed: false, detail: describeFailure(failure), problem };
  }

  #serverAnswers(): boolean {
    const code = this.#rungs.at(-1)?.problem?.code;
    return code !== 'no_answer' && code !== 'unreachable' && code !== 'refused';
  }
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
