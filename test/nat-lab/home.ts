import { NetworkNamespace } from '../interop/network-namespaces.ts';
import type { NatKind } from './nat-kinds.ts';
import type { NatPlace } from './nat-rules.ts';

/** The addresses of a cable between two machines: its network, and either end. */
interface Link {
  readonly network: string;
  readonly upper: string;
  readonly lower: string;
}

/** A machine, and what its end of a cable is called there. */
type Plug = readonly [NetworkNamespace, string];

/**
 * One machine behind one NAT, or behind two, one after the other.
 *
 *     client ─── lan NAT wan ─── internet
 *     client ─── lan NAT wan 100.64.0.2 ─── 100.64.0.1 lan carrier's NAT wan ─── internet
 */
export class Home {
  readonly kind: NatKind;
  readonly client: NetworkNamespace;
  readonly nat: NetworkNamespace;
  /** What the client calls itself. */
  readonly clientAddress: string;
  /** The outer address of the NAT next to the client. */
  readonly wanAddress: string;
  /** How servers ought to see the client. */
  readonly seenAddress: string;
  /** How they ought to see it where it comes through the second uplink. */
  readonly secondAddress: string | undefined;
  readonly clientAddress6: string | undefined;
  readonly #number: number;
  readonly #namespaces: NetworkNamespace[] = [];

  /**
   * Builds it; what was built is taken away again when something fails.
   *
   * @param number tells it from other homes, from 1 to 48
   */
  constructor(internet: NetworkNamespace, kind: NatKind, number: number) {
    this.kind = kind;
    this.#number = number;
    try {
      this.client = this.#namespace();
      this.nat = this.#namespace();
      const lan = kind.translates ? link(`192.168.${number}.`, 0, 24) : link('192.0.2.', 4 * (number - 1), 30);
      const cable = link('198.51.100.', 4 * (number - 1), 30);
      this.clientAddress = lan.lower;
      this.seenAddress = kind.translates ? cable.lower : lan.lower;
      connect([this.nat, 'lan'], [this.client, 'eth0'], lan);
      this.client.routeThrough(lan.upper);
      if (kind.carrierRules) {
        const inner = link('100.64.0.', 0, 10);
        const carrierNat = this.#namespace();
        connect([internet, `home${number}`], [carrierNat, 'wan'], cable);
        connect([carrierNat, 'lan'], [this.nat, 'wan'], inner);
        carrierNat.routeThrough(cable.upper);
        this.nat.routeThrough(inner.upper);
        this.wanAddress = inner.lower;
        translate(carrierNat, kind.carrierRules(placeOf(inner, cable)));
      } else {
        connect([internet, `home${number}`], [this.nat, 'wan'], cable);
        this.nat.routeThrough(cable.upper);
        this.wanAddress = cable.lower;
      }
      if (kind.twoUplinks) this.secondAddress = this.#layThroughSecondUplink(internet);
      // What ought to be translated and is not gets no answer: the internet knows no way to a private network.
      if (!kind.translates) internet.ip('route', 'add', lan.network, 'via', cable.lower);
      if (kind.ipv6) this.clientAddress6 = this.#layIpv6(internet);
      translate(this.nat, kind.rules(placeOf(lan, { ...cable, lower: this.wanAddress })), kind.settings);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  remove(): void {
    for (const namespace of this.#namespaces) namespace.remove();
  }

  #namespace(): NetworkNamespace {
    const namespace = new NetworkNamespace();
    this.#namespaces.push(namespace);
    return namespace;
  }

  /** What is marked goes through it. */
  #layThroughSecondUplink(internet: NetworkNamespace): string {
    const cable = link('192.0.2.', 4 * (this.#number - 1), 30);
    connect([internet, `second${this.#number}`], [this.nat, 'wan2'], cable);
    this.nat.ip('route', 'add', 'default', 'via', cable.upper, 'table', '2');
    this.nat.ip('rule', 'add', 'fwmark', '2', 'table', '2');
    return cable.lower;
  }

  #layIpv6(internet: NetworkNamespace): string {
    const lan = `2001:db8:1:${this.#number}:`;
    const cable = `2001:db8:2:${this.#number}:`;
    for (const [namespace, device, address] of [
      [this.client, 'eth0', `${lan}:2`],
      [this.nat, 'lan', `${lan}:1`],
      [this.nat, 'wan', `${cable}:2`],
      [internet, `home${this.#number}`, `${cable}:1`],
    ] as const) {
      // Without duplicate address detection it can be used at once.
      namespace.ip('address', 'add', `${address}/64`, 'dev', device, 'nodad');
    }
    this.client.routeThrough(`${lan}:1`);
    this.nat.routeThrough(`${cable}:1`);
    internet.ip('-6', 'route', 'add', `${lan}:/64`, 'via', `${cable}:2`);
    return `${lan}:2`;
  }
}

/** Makes a router of it. */
export function forward(namespace: NetworkNamespace): void {
  set(namespace, { 'ipv4/ip_forward': '1', 'ipv6/conf/all/forwarding': '1' });
}

/** Changes settings of the kernel below `/proc/sys/net`. */
export function set(namespace: NetworkNamespace, settings: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(settings)) {
    namespace.run('tee', [`/proc/sys/net/${name}`], `${value}\n`);
  }
}

function translate(nat: NetworkNamespace, rules: string, settings: Readonly<Record<string, string>> = {}): void {
  forward(nat);
  nat.run('nft', ['-f', '-'], rules);
  set(nat, settings);
}

function link(start: string, last: number, length: number): Link {
  return { network: `${start}${last}/${length}`, upper: `${start}${last + 1}`, lower: `${start}${last + 2}` };
}

/** Lays a cable. */
function connect([upper, upperDevice]: Plug, [lower, lowerDevice]: Plug, { network, ...addresses }: Link): void {
  const length = network.split('/')[1];
  upper.connect({ device: upperDevice, addresses: [`${addresses.upper}/${length}`] }, lower, {
    device: lowerDevice,
    addresses: [`${addresses.lower}/${length}`],
  });
}

function placeOf(inner: Link, outer: Link): NatPlace {
  return { client: inner.lower, network: inner.network, wanAddress: outer.lower };
}
