import type { Behavior } from '../behavior.ts';

/** What counts when two hosts try to reach each other. */
export interface NatBehavior {
  readonly mapping: Behavior;
  readonly filtering: Behavior;
  /** Whether another mapping may also have another address. */
  readonly pooled?: boolean;
  /** Whether a packet that comes before anything was sent to where it comes from takes the port: what is sent there has another. */
  readonly unsolicitedTakesPort?: boolean;
}

interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

/** The STUN server that told each side its own address. */
const server: Endpoint = { ip: 'server', port: 0 };
/** Each round of checks may teach a side one more address of the other; more than these never helped. */
const rounds = 4;
/** What was played through before: there are not many kinds, and where little is known all of them are asked for. */
const played = new Map<string, Punching>();

/** How often hole punching works between two NATs; `by-chance` where it depends on whose packet is first on its way. */
export type Punching = 'always' | 'by-chance' | 'never';

/**
 * Whether two hosts behind such NATs reach each other when both send to all addresses of the other that they know of, as ICE
 * does (RFC 8445 §7): first the one that the STUN server has told, then those from which checks have come. A check counts when
 * its answer comes back from where the check went to (§7.2.5.2.1).
 *
 * It is played through with two NATs in memory that behave exactly as they say. A NAT whose behaviour is the same in both
 * directions comes out as in the tables of the literature; those that have none, such as a NAT with an address-dependent mapping
 * that lets everybody in, come out as they would. Each side is the first to send once. That two first packets cross on their way
 * is not counted on: it takes sides that begin at the same moment.
 */
export function punch(a: NatBehavior, b: NatBehavior): Punching {
  const key = [a, b].map(keyOf).join(' ');
  const known = played.get(key) ?? playBoth(a, b);
  played.set(key, known);
  return known;
}

/** Whether two hosts behind such NATs reach each other, whoever is first: see {@link punch}. */
export function canPunch(a: NatBehavior, b: NatBehavior): boolean {
  return punch(a, b) === 'always';
}

function keyOf({ mapping, filtering, pooled = false, unsolicitedTakesPort = false }: NatBehavior): string {
  return `${mapping} ${filtering} ${pooled} ${unsolicitedTakesPort}`;
}

function playBoth(a: NatBehavior, b: NatBehavior): Punching {
  const results = [play(a, b), play(b, a)];
  if (results.every(Boolean)) return 'always';
  return results.some(Boolean) ? 'by-chance' : 'never';
}

/** @param a of the side that sends first. */
function play(a: NatBehavior, b: NatBehavior): boolean {
  const [first, second] = [new Side('a', a), new Side('b', b)];
  first.learn(second.send(server));
  second.learn(first.send(server));
  const ways = [
    [first, second],
    [second, first],
  ] as const;
  for (let round = 0; round < rounds; round++) {
    for (const [from, to] of ways) {
      for (const target of [...from.known]) {
        const source = from.send(target);
        if (!to.receives(target, source)) continue;
        if (same(to.send(source), target)) return true;
        to.learn(source);
      }
    }
  }
  return false;
}

/** A host and the NAT it is behind. */
class Side {
  /** The addresses of the other side. */
  readonly known: Endpoint[] = [];
  readonly #name: string;
  readonly #behavior: NatBehavior;
  readonly #mappings = new Map<string, Endpoint>();
  /** By mapped port, where packets have gone to. */
  readonly #contacted = new Map<number, Endpoint[]>();
  /** By mapped port, for whom it is taken. */
  readonly #taken = new Map<number, Endpoint[]>();

  constructor(name: string, behavior: NatBehavior) {
    this.#name = name;
    this.#behavior = behavior;
  }

  learn(endpoint: Endpoint): void {
    if (!this.known.some((one) => same(one, endpoint))) this.known.push(endpoint);
  }

  /** Sends a packet, and says where it seems to come from. */
  send(to: Endpoint): Endpoint {
    const usual = this.#mapping(this.#mappingKey(to));
    const isTaken = this.#taken.get(usual.port)?.some((one) => same(one, to)) ?? false;
    const source = isTaken ? this.#mapping(`apart ${to.ip} ${to.port}`) : usual;
    const contacted = this.#contacted.get(source.port) ?? [];
    this.#contacted.set(source.port, [...contacted, to]);
    return source;
  }

  /** A packet comes to a mapped address. Says whether it gets in. */
  receives(at: Endpoint, from: Endpoint): boolean {
    const accepted = this.#accepts(at, from);
    if (!accepted && this.#behavior.unsolicitedTakesPort) {
      this.#taken.set(at.port, [...(this.#taken.get(at.port) ?? []), from]);
    }
    return accepted;
  }

  #accepts(at: Endpoint, from: Endpoint): boolean {
    const contacted = this.#contacted.get(at.port) ?? [];
    switch (this.#behavior.filtering) {
      case 'endpoint-independent':
        return contacted.length > 0;
      case 'address-dependent':
        return contacted.some(({ ip }) => ip === from.ip);
      case 'address-and-port-dependent':
        return contacted.some((one) => same(one, from));
    }
  }

  #mapping(key: string): Endpoint {
    const known = this.#mappings.get(key);
    if (known !== undefined) return known;
    const port = this.#mappings.size + 1;
    const source = { ip: this.#behavior.pooled ? `${this.#name}${port}` : this.#name, port };
    this.#mappings.set(key, source);
    return source;
  }

  #mappingKey(to: Endpoint): string {
    switch (this.#behavior.mapping) {
      case 'endpoint-independent':
        return '';
      case 'address-dependent':
        return to.ip;
      case 'address-and-port-dependent':
        return `${to.ip} ${to.port}`;
    }
  }
}

function same(a: Endpoint, b: Endpoint): boolean {
  return a.ip === b.ip && a.port === b.port;
}
