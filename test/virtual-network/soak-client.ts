import type { TransportAddress } from '../../src/stun/ip-address.ts';
import { AddressFamily, Method } from '../../src/stun/protocol.ts';
import type { Answer } from './answer.ts';
import type { Scenario } from './scenario.ts';
import type { SeededRandom } from './seeded-random.ts';
import {
  type AllocateWishes,
  allocateAttributes,
  channelAttributes,
  channelData,
  peerAttributes,
  refreshAttributes,
  type VirtualClient,
} from './virtual-client.ts';

const { ipv6 } = AddressFamily;

/** What the clients of a soak have in common. */
export interface SoakWorld {
  readonly scenario: Scenario;
  readonly random: SeededRandom;
  readonly users: readonly string[];
  readonly peers: readonly TransportAddress[];
  /** Relayed addresses that clients were given lately, so that others can send to them. */
  readonly meetingPoints: TransportAddress[];
  /** Answers by code; 0 for success, -1 for none. */
  readonly outcomes: Map<number, number>;
  /** Lets one more client come. */
  join(token?: { readonly token: Buffer; readonly username: string }): void;
}

/** A client that allocates, talks to peers for a while and leaves, politely or not. Everything it does is drawn from the seed. */
export class SoakClient {
  readonly #world: SoakWorld;
  readonly #client: VirtualClient;
  readonly #until: number;
  #peers: TransportAddress[] = [];
  #channels: number[] = [];
  #left = false;

  constructor(world: SoakWorld, client: VirtualClient) {
    this.#world = world;
    this.#client = client;
    client.onData = () => {};
    this.#until = world.scenario.schedule.now + world.random.between(5, 1800) * 1000;
  }

  start(token?: Buffer): void {
    const wishes = token === undefined ? this.#wishes() : { reservationToken: token };
    this.#request(Method.allocate, allocateAttributes(wishes), (answer) => {
      if (answer?.isSuccess !== true) {
        // Whether it was refused, or allocated by a request whose answer was lost.
        if (answer?.code === 437) this.#leave();
        else this.#client.vanish();
        return;
      }
      const { random, join, meetingPoints } = this.#world;
      meetingPoints.push(...answer.relayedAddresses);
      if (meetingPoints.length > 50) meetingPoints.splice(0, 10);
      const next = answer.reservationToken;
      if (next !== undefined && random.chance(0.8)) {
        const username = random.chance(0.9) ? this.#client.username : random.pick(this.#world.users);
        this.#after(random.between(0, 40), () => join({ token: next, username }));
      }
      this.#choosePeers(answer.relayedAddresses);
      this.#permit();
      this.#keepAlive(answer.lifetimeSeconds ?? 600);
      this.#talk();
    });
  }

  #wishes(): AllocateWishes {
    const { random } = this.#world;
    const lifetime = random.chance(0.3) ? { lifetimeSeconds: random.between(0, 4000) } : {};
    const [kind] = [random.below(10)];
    if (kind === 0) return { ...lifetime, evenPort: 'reserve-next' };
    if (kind === 1) return { ...lifetime, evenPort: 'reserve-nothing' };
    if (kind === 2) return { ...lifetime, family: ipv6 };
    if (kind <= 4) return { ...lifetime, additionalFamily: ipv6 };
    return lifetime;
  }

  #choosePeers(relayed: readonly TransportAddress[]): void {
    const { random, peers, meetingPoints } = this.#world;
    const families = new Set(relayed.map(({ ip }) => ip.family));
    const candidates = [...peers, ...meetingPoints, ...relayed].filter(({ ip }) => families.has(ip.family));
    this.#peers = Array.from({ length: random.between(1, 4) }, () => random.pick(candidates));
  }

  #permit(): void {
    const { random } = this.#world;
    if (random.chance(0.5)) {
      this.#request(Method.createPermission, peerAttributes(this.#peers));
    } else {
      const channel = 0x4000 + random.below(8);
      const peer = random.pick(this.#peers);
      this.#request(Method.channelBind, channelAttributes(channel, peer), (answer) => {
        if (answer?.isSuccess === true) this.#channels.push(channel);
      });
    }
    // Some let their permissions expire.
    this.#after(random.between(30, 400), () => this.#permit());
  }

  #keepAlive(lifetimeSeconds: number): void {
    const { random } = this.#world;
    this.#after(lifetimeSeconds * (0.5 + 0.6 * random.next()), () => {
      const family = random.chance(0.05) ? ipv6 : undefined;
      const asked = random.chance(0.03) ? 0 : random.chance(0.5) ? undefined : random.between(1, 4000);
      this.#request(Method.refresh, refreshAttributes(asked, family), (answer) => {
        if (answer?.isSuccess === true) this.#keepAlive(answer.lifetimeSeconds || lifetimeSeconds);
        else if (answer?.code === 437 && random.chance(0.5)) this.start();
        else this.#leave();
      });
    });
  }

  #talk(): void {
    const { random, scenario } = this.#world;
    if (scenario.schedule.now >= this.#until) {
      this.#leave();
      return;
    }
    const data = Buffer.alloc(random.below(200), 0x61);
    if (this.#channels.length > 0 && random.chance(0.6)) {
      this.#client.send(channelData(random.pick(this.#channels), data));
    } else {
      // Now and then to a peer that it has no permission for.
      this.#client.send(
        this.#client.buildSend(random.pick(random.chance(0.9) ? this.#peers : this.#world.peers), data),
      );
    }
    this.#after(random.between(5, 60), () => this.#talk());
  }

  /** One in three vanishes; the others end their allocation. */
  #leave(): void {
    if (this.#left) return;
    this.#left = true;
    if (this.#world.random.chance(1 / 3)) this.#client.vanish();
    else this.#client.transact(Method.refresh, refreshAttributes(0), () => this.#client.vanish());
  }

  #request(
    method: number,
    attributes: Parameters<VirtualClient['transact']>[1],
    done?: (answer?: Answer) => void,
  ): void {
    const { outcomes } = this.#world;
    this.#client.transact(method, attributes, (answer) => {
      const code = answer?.code ?? -1;
      outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
      if (!this.#left) done?.(answer);
    });
  }

  #after(seconds: number, run: () => void): void {
    this.#world.scenario.schedule.after(seconds * 1000, () => {
      if (!this.#left) run();
    });
  }
}
