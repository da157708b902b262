import type { Timer } from '../../client/clock.ts';
import type { RequestFailure } from '../../client/request-failure.ts';
import { failure, type Result, success } from '../../client/result.ts';
import { diagnosticRetransmission, type RetransmissionProfile } from '../../client/retransmission.ts';
import { type BindingAnswer, readIfPresent, StunClient } from '../../client/stun-client.ts';
import type { TransportError } from '../../client/transport-error.ts';
import { readAddress, readXorAddress } from '../../stun/attributes/address.ts';
import type { IpAddress, TransportAddress } from '../../stun/ip-address.ts';
import type { MessageWriter } from '../../stun/message-writer.ts';
import { type AddressFamily, Attribute } from '../../stun/protocol.ts';
import type { NatEnvironment } from '../environment.ts';
import { Pacing } from './pacing.ts';
import { type Sighting, sameEndpoint } from './sighting.ts';

/** How many ports in a row may be taken before a socket counts as not to be had. */
const PORT_ATTEMPTS = 8;

export interface PathOptions {
  readonly family: AddressFamily;
  /** The concrete local address. */
  readonly localIp: IpAddress;
  /** When it must all be over, on the clock of the environment. */
  readonly deadline: number;
}

/** How many requests that a server should answer it answered at their first send. */
export interface Health {
  readonly asked: number;
  readonly answeredAtOnce: number;
}

/** Below this share of requests that are answered at once, silence may be the server's doing, or the line's. */
const HEALTHY = 0.5;

/** Whether silence of this server means something. */
export function isHealthy({ asked, answeredAtOnce }: Health): boolean {
  return answeredAtOnce >= HEALTHY * asked;
}

/**
 * The way from one local address to the servers: it opens a fresh socket for each test, paces requests, notes how servers see
 * them, and at the deadline ends all that is under way. What was cut short fails as `closed`, so nobody takes it for silence.
 */
export class Path {
  readonly family: AddressFamily;
  readonly localIp: IpAddress;
  readonly environment: NatEnvironment;
  readonly pacing: Pacing;
  /** Everything that was seen so far, oldest first. */
  readonly sightings: Sighting[] = [];

  readonly #health = new Map<string, Health>();
  readonly #deadline: Timer;
  readonly #sockets = new Set<ProbeSocket>();
  readonly #sleepers = new Set<() => void>();
  /** Local ports that were used: a NAT still knows them, so a socket at one of them would not be fresh. */
  readonly #usedPorts = new Set<number>();
  #opened = 0;
  #over = false;

  constructor({ family, localIp, deadline }: PathOptions, environment: NatEnvironment) {
    this.family = family;
    this.localIp = localIp;
    this.environment = environment;
    this.pacing = new Pacing(environment.clock, (ms) => this.sleep(ms));
    this.#deadline = environment.clock.schedule(Math.max(0, deadline - this.now()), () => this.close());
  }

  /** Whether time is up. */
  get over(): boolean {
    return this.#over;
  }

  now(): number {
    return this.environment.clock.now();
  }

  /** Opens a socket that no test has used, at a random port of the upper half. */
  async open(connectTo?: TransportAddress): Promise<Result<ProbeSocket, TransportError>> {
    const { family, localIp } = this;
    for (let attempt = 1; ; attempt++) {
      if (this.#over) return failure(timeIsUp);
      const localPort = this.#randomPort();
      const options = { family, localIp, localPort, ...(connectTo && { connectTo }) };
      const socket = await this.environment.openUdp(options);
      if (!socket.ok) {
        if (socket.error.code === 'EADDRINUSE' && attempt < PORT_ATTEMPTS) continue;
        return socket;
      }
      const { clock, random } = this.environment;
      const probe = new ProbeSocket(this, new StunClient(socket.value, { clock, random }), this.#opened++);
      if (this.#over) {
        probe.close();
        return failure(timeIsUp);
      }
      this.#sockets.add(probe);
      return success(probe);
    }
  }

  /** Waits, or returns at once when time is up. */
  sleep(ms: number): Promise<void> {
    if (this.#over) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleepers.delete(wake);
        timer.cancel();
        resolve();
      };
      const timer = this.environment.clock.schedule(ms, wake);
      this.#sleepers.add(wake);
    });
  }

  /** Ends everything that is under way. */
  close(): void {
    this.#over = true;
    this.#deadline.cancel();
    for (const socket of [...this.#sockets]) socket.close();
    for (const wake of [...this.#sleepers]) wake();
  }

  /** How a server does with requests that it has no reason not to answer. */
  healthOf({ ip }: TransportAddress): Health {
    return this.#health.get(ip.text) ?? { asked: 0, answeredAtOnce: 0 };
  }

  /** Counts such a request. */
  noteHealth(server: TransportAddress, answeredAtOnce: boolean): void {
    const before = this.healthOf(server);
    this.#health.set(server.ip.text, {
      asked: before.asked + 1,
      answeredAtOnce: before.answeredAtOnce + Number(answeredAtOnce),
    });
  }

  /** A socket of this path was closed. */
  forget(socket: ProbeSocket): void {
    this.#sockets.delete(socket);
  }

  #randomPort(): number {
    for (;;) {
      const [high, low] = this.environment.random(2);
      const port = 0x8000 | (high! << 8) | low!;
      if (this.#usedPorts.has(port)) continue;
      this.#usedPorts.add(port);
      return port;
    }
  }
}

const timeIsUp: TransportError = { kind: 'other', code: 'DEADLINE', message: 'The time for the diagnosis is up.' };

export interface AskOptions {
  /** Adds attributes to the request. */
  readonly write?: (writer: MessageWriter) => void;
  readonly retransmission?: RetransmissionProfile;
  /** Whether the answer may come from elsewhere than where the request went. */
  readonly fromAnywhere?: boolean;
  /** How often to begin anew when nothing came: one transaction in ten thousand fails where a packet in twenty is lost. */
  readonly attempts?: number;
  /** What is known of the round trip, in milliseconds. */
  readonly roundTripMs?: number;
}

/** The socket of one test. */
export class ProbeSocket {
  readonly client: StunClient;
  readonly number: number;
  readonly #path: Path;

  constructor(path: Path, client: StunClient, number: number) {
    this.#path = path;
    this.client = client;
    this.number = number;
  }

  get local(): TransportAddress {
    return this.client.socket.localAddress;
  }

  /** Sends a Binding request when its turn has come, and notes how the server saw this socket. */
  async ask(to: TransportAddress, options: AskOptions = {}): Promise<Result<BindingAnswer, RequestFailure>> {
    const { write, fromAnywhere = false, attempts = 2, roundTripMs = 0 } = options;
    const { retransmission = diagnosticRetransmission(roundTripMs) } = options;
    for (let attempt = 1; ; attempt++) {
      await this.#path.pacing.turn(to.ip);
      const answer = await this.client.binding(to, write, { retransmission, fromAnywhere });
      if (answer.ok) this.#note(to, answer.value);
      if (answer.ok || answer.error.kind !== 'timeout' || attempt >= attempts) return answer;
    }
  }

  /** {@link ask}, for a request that has no reason not to be answered: how it fares tells how well the path does. */
  async askPlainly(to: TransportAddress, options: AskOptions = {}): Promise<Result<BindingAnswer, RequestFailure>> {
    const { attempts = 2 } = options;
    for (let attempt = 1; ; attempt++) {
      const answer = await this.ask(to, { ...options, attempts: 1 });
      this.#path.noteHealth(to, answer.ok && answer.value.sends === 1);
      if (answer.ok || answer.error.kind !== 'timeout' || attempt >= attempts) return answer;
    }
  }

  close(): void {
    this.#path.forget(this);
    this.client.close();
  }

  #note(to: TransportAddress, { from, message }: BindingAnswer): void {
    const mapped = readIfPresent(message, Attribute.xorMappedAddress, readXorAddress);
    if (mapped === undefined || !sameEndpoint(from, to)) return;
    const plainMapped = readIfPresent(message, Attribute.mappedAddress, readAddress);
    this.#path.sightings.push({ socket: this.number, local: this.local, to, mapped, plainMapped });
  }
}
