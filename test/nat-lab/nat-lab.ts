import { NetworkNamespace } from '../interop/network-namespaces.ts';
import { forward, Home, set } from './home.ts';
import type { NatKind } from './nat-kinds.ts';

/**
 * A small internet with homes on it, each behind a NAT of the kernel. IPv6, where a home has it, is routed as it is.
 *
 *     client 192.168.1.2 ─── 192.168.1.1 NAT 198.51.100.2 ─── 198.51.100.1 internet 203.0.113.10, .11, .20, .21, …
 *     client 192.168.2.2 ─── 192.168.2.1 NAT 198.51.100.6 ─── 198.51.100.5
 */
export class NatLab {
  /** Two servers with two addresses of each family have room here. */
  static readonly servers = [
    { ipv4: ['203.0.113.10', '203.0.113.11'], ipv6: ['2001:db8::10', '2001:db8::11'] },
    { ipv4: ['203.0.113.20', '203.0.113.21'], ipv6: ['2001:db8::20', '2001:db8::21'] },
  ] as const;
  /** For servers that know nothing of NAT discovery. */
  static readonly plainServers = ['203.0.113.30', '203.0.113.31', '203.0.113.32'] as const;
  readonly internet = new NetworkNamespace();
  readonly #homes: Home[] = [];

  constructor() {
    try {
      this.#layAddresses();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  #layAddresses(): void {
    forward(this.internet);
    // Without a limit on how often it says so, a closed port is one for everybody who asks.
    set(this.internet, { 'ipv4/icmp_ratelimit': '0', 'ipv6/icmp/ratelimit': '0' });
    const ipv4 = [...NatLab.servers.flatMap((server) => server.ipv4), ...NatLab.plainServers];
    const ipv6 = NatLab.servers.flatMap((server) => server.ipv6);
    for (const address of ipv4) this.internet.ip('address', 'add', `${address}/32`, 'dev', 'lo');
    for (const address of ipv6) this.internet.ip('address', 'add', `${address}/128`, 'dev', 'lo');
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
