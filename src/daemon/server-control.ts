import type { IpAddress, TransportAddress } from '../stun/ip-address.ts';
import type { AddressFamily } from '../stun/protocol.ts';
import type { AdmissionMode, AdmissionVerdict } from '../turn/admission.ts';
import type { Allocation, EndReason } from '../turn/allocation.ts';
import type { Listener } from '../turn/five-tuple.ts';
import { type DiscoveryAddresses, NatDiscovery } from '../turn/nat-discovery.ts';
import type { RelayAddress } from '../turn/options.ts';
import type { PeerPolicy } from '../turn/peer-policy.ts';
import type { SessionQuery, SessionSummary } from '../turn/session-summary.ts';
import type { UsageDelta } from '../turn/usage-meter.ts';
import { changeableOptions, type ServerSettings } from './server-options.ts';
import { ServerSessions } from './server-sessions.ts';
import type { TurnHost } from './turn-host.ts';

/** What each server of the daemon is told while it runs. Plain data, since most servers are in threads of their own. */
export type ServerCommand = LastingCommand | EndCommand | AdmissionCommand;

/** Sets something until the next command of its kind; a server that starts later is told as well. */
export type LastingCommand =
  | { readonly kind: 'configure'; readonly settings: ServerSettings }
  | { readonly kind: 'set-admission'; readonly mode: AdmissionMode }
  | { readonly kind: 'set-relay-address'; readonly family: AddressFamily; readonly address: RelayAddress | undefined }
  /** Which addresses, and which addresses with ports, are the daemon's own. */
  | {
      readonly kind: 'set-own';
      readonly addresses: readonly IpAddress[];
      readonly services: readonly TransportAddress[];
    }
  | { readonly kind: 'set-nat-discovery'; readonly families: readonly DiscoveryAddresses[] }
  | { readonly kind: 'drain' };

/** Ends the live allocations of a credential, a user, an API key, or a static user. */
export interface EndCommand {
  readonly kind: 'end';
  readonly whose: 'credential' | 'user' | 'key' | 'static-user';
  readonly name: string;
  readonly reason: EndReason;
}

/** The answer to a server's question about an allocation. */
export interface AdmissionCommand {
  readonly kind: 'admission';
  readonly id: string;
  readonly verdict: AdmissionVerdict;
}

/** What a server is asked; the answer is plain data as well. */
export interface ServerQuestions {
  sessions(query: SessionQuery): SessionSummary[];
  session(id: string): SessionSummary | undefined;
  endSession(id: string): boolean;
  /** Brings the figures that all threads can read up to date. */
  publish(): void;
  /** What each user has relayed since it was asked last. */
  usage(): UsageDelta[];
}

const isWhose: Readonly<Record<EndCommand['whose'], (allocation: Allocation, name: string) => boolean>> = {
  // What stands before the label covers them all: a URL that ends at an unescaped # names no more.
  credential: ({ authenticated: { username } }, name) => username === name || username.startsWith(`${name}#`),
  user: ({ user }, name) => user.id === name,
  key: ({ authenticated }, name) => authenticated.credential.issuer === name,
  'static-user': ({ authenticated: { username, credential } }, name) =>
    username === name && credential.expiresAt === undefined,
};

/** Does with one server what the daemon says. */
export class ServerControl implements ServerQuestions {
  readonly #host: TurnHost;
  readonly #policy: PeerPolicy;
  readonly #udpListeners: () => readonly Listener[];
  readonly #sessions: ServerSessions;

  /**
   * @param index of the host's server.
   * @param udpListeners those of this server, from which NAT discovery answers.
   */
  constructor(host: TurnHost, policy: PeerPolicy, index: number, udpListeners: () => readonly Listener[]) {
    this.#host = host;
    this.#policy = policy;
    this.#udpListeners = udpListeners;
    this.#sessions = new ServerSessions(host, index);
  }

  execute(command: ServerCommand): void {
    const { server } = this.#host;
    switch (command.kind) {
      case 'set-relay-address':
        server.setRelayAddress(command.family, command.address);
        return;
      case 'set-own':
        this.#policy.setOwnAddresses(command.addresses);
        this.#policy.setOwnServices(command.services);
        return;
      case 'set-nat-discovery': {
        const { families } = command;
        server.setNatDiscovery(families.length > 0 ? new NatDiscovery(families, this.#udpListeners()) : undefined);
        return;
      }
      case 'configure':
        server.configure(changeableOptions(command.settings));
        this.#policy.setRules(command.settings.configuration.relay.peers);
        return;
      case 'set-admission':
        server.setAdmission(command.mode);
        return;
      case 'admission':
        this.#host.admissionDecided(command.id, command.verdict);
        return;
      case 'end': {
        const { whose, name, reason } = command;
        this.#host.endAllocations((allocation) => isWhose[whose](allocation, name), reason);
        return;
      }
      case 'drain':
        server.startDraining();
    }
  }

  sessions(query: SessionQuery): SessionSummary[] {
    return this.#sessions.list(query);
  }

  session(id: string): SessionSummary | undefined {
    return this.#sessions.find(id);
  }

  publish(): void {
    this.#host.countPlane();
    this.#host.server.publish();
  }

  endSession(id: string): boolean {
    return this.#sessions.end(id);
  }

  usage(): UsageDelta[] {
    this.#host.countPlane();
    return this.#host.server.takeUsage();
  }
}
