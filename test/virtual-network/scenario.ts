import {
  formatTransportAddress,
  type IpAddress,
  sameAddress,
  type TransportAddress,
} from '../../src/stun/ip-address.ts';
import { longTermKey, type PasswordAlgorithm } from '../../src/stun/long-term-key.ts';
import { AddressFamily } from '../../src/stun/protocol.ts';
import { type AddressRange, parseAddressRange } from '../../src/turn/address-range.ts';
import type { RelayedAddress } from '../../src/turn/allocation.ts';
import type { Credential, CredentialSource } from '../../src/turn/credential-source.ts';
import type { Listener } from '../../src/turn/five-tuple.ts';
import type { Limits, RelayAddress, TurnServerOptions } from '../../src/turn/options.ts';
import { PeerPolicy } from '../../src/turn/peer-policy.ts';
import type { PortRange } from '../../src/turn/shared/port-table.ts';
import { createSharedMemory, type SharedMemory } from '../../src/turn/shared/shared-memory.ts';
import { SharedTables } from '../../src/turn/shared/shared-tables.ts';
import type { UnixSeconds } from '../../src/turn/time.ts';
import { TurnServer } from '../../src/turn/turn-server.ts';
import { Schedule } from './schedule.ts';
import { SeededRandom } from './seeded-random.ts';
import { VirtualClient } from './virtual-client.ts';
import { VirtualHost } from './virtual-host.ts';
import { address, type Conditions, VirtualNetwork } from './virtual-network.ts';
import { VirtualPeer } from './virtual-peer.ts';

export const REALM = 'example.org';

const unlimited = { packetsPerSecond: Number.POSITIVE_INFINITY, bytesPerSecond: Number.POSITIVE_INFINITY };
const noRate = { perSecond: Number.POSITIVE_INFINITY, burst: Number.POSITIVE_INFINITY };

/** Limits that stand in nobody's way. */
export const generousLimits: Limits = {
  allocations: 100_000,
  allocationsPerUser: 100_000,
  permissionsPerAllocation: 256,
  channelsPerAllocation: 256,
  newPeers: noRate,
  perAllocation: unlimited,
  perUser: unlimited,
  perServer: unlimited,
  unauthenticatedAnswers: { perAddress: noRate, perNetwork: noRate },
};

export interface ScenarioOptions
  extends Partial<Omit<TurnServerOptions, 'limits' | 'policy' | 'credentials' | 'shared'>> {
  readonly seed?: number;
  /** How many servers the daemon has; one unless a test says otherwise. */
  readonly servers?: number;
  readonly relayPorts?: PortRange;
  readonly limits?: Partial<Limits>;
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly conditions?: Partial<Conditions>;
  readonly keepEvents?: boolean;
}

/** Users of a scenario; any of them may be changed while it runs. */
export class VirtualUsers implements CredentialSource {
  readonly #users = new Map<string, (Omit<Credential, 'key'> & { readonly password: string })[]>();
  readonly #keys = new Map<string, Buffer>();

  /** Adds a password under which this username is accepted; there may be several, as with several secrets. */
  add(
    username: string,
    password: string,
    more: { user?: string; label?: string; issuer?: string; expiresAt?: number } = {},
  ): void {
    const expiresAt = more.expiresAt as UnixSeconds | undefined;
    const { user = username, label, issuer } = more;
    const known = this.#users.get(username) ?? [];
    this.#users.set(username, [...known, { password, user, label, issuer, expiresAt }]);
  }

  candidates(username: string, algorithm: PasswordAlgorithm): Credential[] {
    return (this.#users.get(username) ?? []).map(({ password, ...who }) => {
      const name = `${algorithm} ${username} ${password}`;
      const key = this.#keys.get(name) ?? longTermKey(algorithm, username, REALM, password);
      this.#keys.set(name, key);
      return { ...who, key };
    });
  }
}

/** Where the virtual server listens and relays, unless a test says otherwise. */
export const LISTENER = address('40.0.0.1:3478');
export const LISTENER_IPV6 = address('[2a00:40::1]:3478');
export const relayIpv4: RelayAddress = { local: address('40.0.0.1:0').ip, external: address('40.0.0.1:0').ip };
export const relayIpv6: RelayAddress = { local: address('[2a00:40::1]:0').ip, external: address('[2a00:40::1]:0').ip };

/**
 * A server on its host, a network around it, and whoever is put there: all in virtual time. There may be several servers, as
 * there are threads in a daemon: they share a memory and the addresses of the daemon, and each client meets one of them.
 */
export class Scenario {
  readonly schedule = new Schedule();
  readonly random: SeededRandom;
  readonly network: VirtualNetwork;
  readonly users = new VirtualUsers();
  readonly policy: PeerPolicy;
  readonly memory: SharedMemory;
  readonly hosts: VirtualHost[];
  readonly options: Omit<TurnServerOptions, 'random' | 'shared'>;
  readonly listener: Listener = { id: 1, transport: 'udp', local: LISTENER };
  readonly listenerIpv6: Listener = { id: 2, transport: 'udp', local: LISTENER_IPV6 };
  readonly #randomOfServers: TurnServerOptions['random'];
  readonly #keepEvents: boolean | undefined;
  /** Which server the packets of a client come to, where a test has chosen it. */
  readonly #served = new Map<string, number>();
  #clients = 0;
  #peers = 0;

  constructor(options: ScenarioOptions = {}) {
    const { seed = 1, servers = 1, limits, allow = [], deny = [], conditions, keepEvents, ...server } = options;
    const { relayPorts = { low: 49_152, high: 65_535 }, random = new SeededRandom(seed ^ 0x0a11), ...rest } = server;
    this.random = new SeededRandom(seed);
    this.network = new VirtualNetwork(this.schedule, new SeededRandom(seed ^ 0x5eed), conditions);
    this.policy = new PeerPolicy({ allow: ranges(allow), deny: ranges(deny) });
    this.options = {
      realm: REALM,
      requireSha256: false,
      nonceLifetimeSeconds: 600,
      expiry: 'grace',
      defaultLifetimeSeconds: 600,
      maxLifetimeSeconds: 3600,
      tcpRelays: true,
      rfc5766Channels: false,
      rfc3489: false,
      alternateServers: { udp: [], tcp: [], tls: [] },
      ipv4: relayIpv4,
      ipv6: relayIpv6,
      dontFragment: true,
      ...rest,
      limits: { ...generousLimits, ...limits },
      policy: this.policy,
      credentials: this.users,
    };
    const { ipv4, ipv6 } = this.options;
    const own = [ipv4?.local, ipv4?.external, ipv6?.local, ipv6?.external];
    this.policy.setOwnAddresses(own.filter((ip): ip is IpAddress => ip !== undefined));
    this.policy.setOwnServices([LISTENER, LISTENER_IPV6]);
    this.#randomOfServers = random;
    this.#keepEvents = keepEvents;
    this.memory = createSharedMemory(servers, relayPorts, random);
    this.hosts = Array.from({ length: servers }, (_, index) => this.#start(index));
    for (const listener of [this.listener, this.listenerIpv6]) {
      const receive = (from: TransportAddress, bytes: Buffer) => this.hostOf(from).fromClient(listener, from, bytes);
      this.network.attach(listener.local, receive);
    }
    this.users.add('alice', 'secret');
  }

  /** The first host, which is the only one unless there are several servers. */
  get host(): VirtualHost {
    return this.hosts[0]!;
  }

  get server(): TurnServer {
    return this.host.server;
  }

  /** The host that the packets of a client come to: always the same one, as the system chooses among sockets at one port. */
  hostOf(client: TransportAddress): VirtualHost {
    const text = formatTransportAddress(client);
    const index = this.#served.get(text) ?? [...text].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
    return this.hosts[index % this.hosts.length]!;
  }

  /** A server's thread ends in the middle of its work, what it had is given back, and another takes its place. */
  restart(index: number): void {
    const host = this.hosts[index]!;
    host.die();
    const witness = new SharedTables(this.memory, (index + 1) % this.hosts.length);
    witness.forgetServer(index, () => {});
    this.hosts[index] = this.#start(index);
  }

  #start(index: number): VirtualHost {
    const shared = new SharedTables(this.memory, index);
    const server = new TurnServer({ ...this.options, random: this.#randomOfServers, shared });
    return new VirtualHost(server, this.schedule, this.network, this.#keepEvents);
  }

  /** The wall clock of the virtual world. */
  get unix(): number {
    return this.schedule.time.unix;
  }

  /**
   * A new client, by default alice at an address of its own.
   *
   * @param init.servedBy index of the server that its packets come to.
   */
  client(
    init: {
      username?: string;
      password?: string;
      at?: TransportAddress | string;
      server?: TransportAddress;
      servedBy?: number;
    } = {},
  ): VirtualClient {
    const at = init.at ?? `30.${this.#clients >>> 8}.${this.#clients++ & 255}.1:5000`;
    const from = typeof at === 'string' ? address(at) : at;
    if (init.servedBy !== undefined) this.#served.set(formatTransportAddress(from), init.servedBy);
    return new VirtualClient({
      network: this.network,
      schedule: this.schedule,
      random: this.random,
      server: init.server ?? (from.ip.family === AddressFamily.ipv4 ? LISTENER : LISTENER_IPV6),
      at: from,
      username: init.username ?? 'alice',
      password: init.password ?? 'secret',
    });
  }

  /** A client that has its allocation already. */
  allocated(init: Parameters<Scenario['client']>[0] = {}): { client: VirtualClient; relayed: TransportAddress } {
    const client = this.client(init);
    return { client, relayed: client.allocate().relayed };
  }

  /** A new peer, at an address of its own. */
  peer(at?: string): VirtualPeer {
    return new VirtualPeer(this.network, address(at ?? `20.0.${this.#peers >>> 8}.${this.#peers++ & 255}:7000`));
  }

  /** The server's object for a relayed address that a client was told of. */
  socketOf(relayed: TransportAddress): RelayedAddress {
    for (const socket of this.hosts.flatMap(({ sockets }) => [...sockets.keys()])) {
      if (socket.external.port === relayed.port && sameAddress(socket.external.ip, relayed.ip)) return socket;
    }
    throw new Error('there is no such relay socket');
  }

  /** Moves virtual time on. */
  pass(seconds: number): void {
    this.schedule.advance(seconds * 1000);
  }

  /** Hands bytes to the server as if they came from this address. */
  spoof(from: TransportAddress, bytes: Buffer): void {
    this.hostOf(from).fromClient(
      from.ip.family === AddressFamily.ipv4 ? this.listener : this.listenerIpv6,
      from,
      bytes,
    );
  }
}

function ranges(texts: readonly string[]): AddressRange[] {
  return texts.map((text) => {
    const range = parseAddressRange(text);
    if (typeof range === 'string') throw new Error(range);
    return range;
  });
}
