import type { Configuration } from '../config/settings.ts';
import type { IpAddress, TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import type { Log } from '../telemetry/log.ts';
import type { RelayAddress } from '../turn/options.ts';
import { chooseRelays, families, type RelayChoices, relayAddressOf } from './relay-addresses.ts';
import type { TurnServers } from './turn-servers.ts';

/** Earlier external addresses that still count as our own: clients may hold candidates with them. */
const REMEMBERED_ADDRESSES = 16;

/** Where the daemon itself serves anything. */
export interface OwnServices {
  /** Where clients are taken in. */
  readonly listening: readonly TransportAddress[];
  /** Everything else, such as the HTTP service. */
  readonly others: readonly TransportAddress[];
}

/** The addresses that relays have, and what the servers are told of them: what is the daemon's own, peers must not reach. */
export class OwnAddresses {
  readonly #servers: TurnServers;
  readonly #log: Log;
  readonly #services: () => OwnServices;
  #relays: RelayChoices;
  #addresses: IpAddress[] = [];

  constructor(servers: TurnServers, relays: RelayChoices, log: Log, services: () => OwnServices) {
    this.#servers = servers;
    this.#relays = relays;
    this.#log = log;
    this.#services = services;
  }

  get relays(): RelayChoices {
    return this.#relays;
  }

  /** Tells the servers which addresses and ports are the daemon's own. */
  tell(): void {
    const relays = families
      .map((family) => relayAddressOf(this.#relays[family]))
      .filter((relay) => relay !== undefined);
    const current = relays.flatMap(({ local, external }) => [local, external]);
    const distinct = new Map([...current, ...this.#addresses].map((ip) => [ip.text, ip]));
    this.#addresses = [...distinct.values()].slice(0, REMEMBERED_ADDRESSES);

    const { listening, others } = this.#services();
    const ports = new Set(listening.map(({ port }) => port));
    const external = this.#addresses.flatMap((ip) => [...ports].map((port) => ({ ip, port })));
    const services = [...listening, ...external, ...others];
    this.#servers.command({ kind: 'set-own', addresses: this.#addresses, services });
  }

  /** Looks for the addresses again; allocations that exist keep theirs. */
  async chooseAnew(configuration: Configuration): Promise<void> {
    let relays: RelayChoices;
    try {
      relays = await chooseRelays(configuration);
    } catch (error) {
      this.#log.warn({ event: 'relay-address' }, `${(error as Error).message} The last known one stays in use.`);
      return;
    }
    for (const family of families) {
      const before = relayAddressOf(this.#relays[family]);
      const now = relayAddressOf(relays[family]);
      if (before?.external.text === now?.external.text && before?.local.text === now?.local.text) continue;
      this.#log.info(
        { event: 'relay-address', family, before: describe(before), now: describe(now) },
        'the relay address has changed; new allocations get the new one',
      );
      this.#servers.command({ kind: 'set-relay-address', family: AddressFamily[family], address: now });
    }
    this.#relays = relays;
    this.tell();
  }
}

function describe(relay: RelayAddress | undefined): { local: string; external: string } | undefined {
  return relay && { local: relay.local.text, external: relay.external.text };
}
