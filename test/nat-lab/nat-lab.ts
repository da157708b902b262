import { NetworkNamespace } from '../interop/network-namespaces.ts';
import type { NatKind } from './nat-kinds.ts';

/**
 * A small internet with homes on it, each behind a NAT of the kernel. IPv6 is routed as it is.
 *
 *     client 192.168.1.2 ─── 192.168.1.1 NAT 198.51.100.2 ─── 198.51.100.1 internet 203.0.113.10, .11, .20, .21
 *     client 192.168.2.2 ─── 192.168.2.1 NAT 198.51.100.6 ─── 198.51.100.5
 */
export class NatLab {
  /** Two servers with two addresses of each family have room here. */
  static readonly servers = [
    { ipv4: ['203.0.113.10', '203.0.113.11'], ipv6: ['2001:db8::10', '2001:db8::11'] },
    { ipv4: ['203.0.113.20', '203.0.113.21'], ipv6: ['2001:db8::20', '2001:db8::21'] },
  ] as const;
  readonly internet = new NetworkNamespace();
  readonly #homes: Home[] = [];

  constructor() {
    forward(this.internet);
    for (const { ipv4, ipv6 } of NatLab.servers) {
      for (const address of ipv4) this.internet.ip('address', 'add', `${address}/32`, 'dev', 'lo');
      for (const address of ipv6) this.internet.ip('address', 'add', `${address}/128`, 'dev', 'lo');
    }
  }

  /** Connects one more home. */
  addHome(kind: NatKind): Home {
    const home = new Home(this.internet, kind, this.#homes.length + 1);
    this.#homes.push(home);
    return home;
  }

  /** Takes everything away; processes inside must have ended. */
  remove(): void {
    for (const home of this.#homes) home.remove();
    this.internet.remove();
  }
}

/** One machine behind one NAT. */
export class Home {
  readonly kind: NatKind;
  readonly client = new NetworkNamespace();
  readonly nat = new NetworkNamespace();
  /** What the client calls itself. */
  readonly clientAddress: string;
  /** How servers ought to see the client. */
  readonly seenAddress: string;

  /** @param number tells it from other homes, from 1 */
  constructor(internet: NetworkNamespace, kind: NatKind, number: number) {
    this.kind = kind;
    const lan = { ipv4: `192.168.${number}`, ipv6: `2001:db8:1:${number}:` };
    const cable = { ipv4: (host: number) => `198.51.100.${4 * (number - 1) + host}`, ipv6: `2001:db8:2:${number}:` };
    this.clientAddress = `${lan.ipv4}.2`;
    const wanAddress = cable.ipv4(2);
    this.seenAddress = kind.translates ? wanAddress : this.clientAddress;

    this.nat.connect({ device: 'lan', addresses: [`${lan.ipv4}.1/24`, `${lan.ipv6}:1/64`] }, this.client, {
      device: 'eth0',
      addresses: [`${this.clientAddress}/24`, `${lan.ipv6}:2/64`],
    });
    internet.connect({ device: `home${number}`, addresses: [`${cable.ipv4(1)}/30`, `${cable.ipv6}:1/64`] }, this.nat, {
      device: 'wan',
      addresses: [`${wanAddress}/30`, `${cable.ipv6}:2/64`],
    });
    forward(this.nat);
    for (const [from, router] of [
      [this.client, { ipv4: `${lan.ipv4}.1`, ipv6: `${lan.ipv6}:1` }],
      [this.nat, { ipv4: cable.ipv4(1), ipv6: `${cable.ipv6}:1` }],
    ] as const) {
      from.routeThrough(router.ipv4);
      from.routeThrough(router.ipv6);
    }
    const network = `${lan.ipv4}.0/24`;
    // What ought to be translated and is not gets no answer: the internet knows no way to a private network.
    if (!kind.translates) internet.ip('route', 'add', network, 'via', wanAddress);
    internet.ip('-6', 'route', 'add', `${lan.ipv6}:/64`, 'via', `${cable.ipv6}:2`);
    this.nat.run('nft', ['-f', '-'], kind.rules({ client: this.clientAddress, network, wanAddress }));
  }

  remove(): void {
    this.client.remove();
    this.nat.remove();
  }
}

/** Makes a router of it. */
function forward(namespace: NetworkNamespace): void {
  for (const setting of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding']) {
    namespace.run('tee', [`/proc/sys/net/${setting}`], '1\n');
  }
}
