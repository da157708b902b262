import { canMakeNamespaces, SeparateNetworks } from '../interop/network-namespaces.ts';
import { freeUdpPort } from '../interop/peers.ts';

/** Where the servers, the clients and the peer of the benchmark are, and what to put in front of their command lines. */
export interface BenchNetwork {
  readonly description: string;
  readonly server: Place;
  readonly client: Place;
  readonly peer: Place;
  /** A port of the server's address that nobody has. */
  freePort(): Promise<number>;
  /** Takes it away; processes inside must have ended. */
  remove(): void;
}

export interface Place {
  readonly prefix: readonly string[];
  readonly host: string;
}

/** Three network namespaces joined by cables where they can be made, else loopback. */
export function benchNetwork(): BenchNetwork {
  return canMakeNamespaces() ? namespaces() : loopback();
}

function namespaces(): BenchNetwork {
  const networks = new SeparateNetworks();
  const { server, caller, callee, serverAddress } = networks;
  // The latency of the path itself is measured from client to peer, through the server's machine as a mere router.
  server.run('sysctl', ['-q', '-w', 'net.ipv4.ip_forward=1']);
  let port = 3478;
  return {
    description: 'client, server and peer each in a network namespace, joined by veth pairs',
    server: { prefix: server.prefix, host: serverAddress },
    client: { prefix: caller.prefix, host: '10.77.1.2' },
    peer: { prefix: callee.prefix, host: '10.77.2.2' },
    // Each server has its own, so that nothing of the last one's sockets is in the way.
    freePort: async () => port++,
    remove: () => networks.remove(),
  };
}

function loopback(): BenchNetwork {
  const place = { prefix: [], host: '127.0.0.1' };
  return {
    description: 'everything on loopback, since network namespaces could not be made',
    server: place,
    client: place,
    peer: place,
    freePort: () => freeUdpPort(),
    remove: () => {},
  };
}
