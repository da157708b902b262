import { IpAddress } from '../../src/stun/ip-address.ts';
import { NetworkNamespace } from './network-namespaces.ts';

/** The smallest MTU that IPv6 allows. */
export const NARROW_MTU = 1280;

/**
 * A client beside the server, and a peer behind a router whose far side takes only small packets.
 *
 *     client ── 10.78.1.0/24 ── server ── 10.78.2.0/24 ── router ── 10.78.3.0/24, MTU 1280 ── peer
 *
 * In each network the machine nearer to the client has the address 2 and the other one 1; for IPv6 it is the same in fd78.
 */
export class RoutedNetwork {
  readonly client = new NetworkNamespace();
  readonly server = new NetworkNamespace();
  readonly router = new NetworkNamespace();
  readonly peer = new NetworkNamespace();
  readonly serverAddress = '10.78.1.1';
  /** Where relays are opened. */
  readonly relayAddresses = { ipv4: '10.78.2.2', ipv6: 'fd78:2::2' };
  readonly peerAddresses = { ipv4: IpAddress.parse('10.78.3.1')!, ipv6: IpAddress.parse('fd78:3::1')! };

  constructor() {
    const { client, server, router, peer } = this;
    join(client, server, 1);
    join(server, router, 2);
    join(router, peer, 3);
    router.run('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    this.routeToPeer();
    peer.ip('route', 'add', '10.78.2.0/24', 'via', '10.78.3.2');
    peer.ip('-6', 'route', 'add', 'fd78:2::/64', 'via', 'fd78:3::2');
    client.ip('route', 'add', '10.78.2.0/24', 'via', '10.78.1.1');
    router.ip('link', 'set', 'to3', 'mtu', String(NARROW_MTU));
  }

  /** Tells the server the way to the peer, as has to be done again when the link was down. */
  routeToPeer(): void {
    this.server.ip('route', 'replace', '10.78.3.0/24', 'via', '10.78.2.1');
    this.server.ip('-6', 'route', 'replace', 'fd78:3::/64', 'via', 'fd78:2::1');
  }

  /** What a server here is configured with; all networks are peers'. */
  yaml(plane: 'batch' | 'dgram' = 'batch'): string {
    const { ipv4, ipv6 } = this.relayAddresses;
    return `relay:
  plane: ${plane}
  workers: 2
  ipv4: { address: ${ipv4} }
  ipv6: { address: "${ipv6}" }
  peers: { allow: [10.78.0.0/16, "fd78:3::/64"] }
`;
  }

  /** Takes everything away; processes inside must have ended. */
  remove(): void {
    for (const namespace of [this.client, this.server, this.router, this.peer]) namespace.remove();
  }
}

/** Lays the cable of a network. */
function join(near: NetworkNamespace, far: NetworkNamespace, network: number): void {
  const end = (host: number) => ({
    device: `to${network}`,
    addresses: [`10.78.${network}.${host}/24`, `fd78:${network}::${host}/64`],
  });
  near.connect(end(2), far, end(1));
}
