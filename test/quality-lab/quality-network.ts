import { inside } from '../interop/inside-namespace.ts';
import { NetworkNamespace } from '../interop/network-namespaces.ts';

/**
 * A server with as many clients as are wanted, each at a cable of its own, so that what is done to one does not disturb the others.
 *
 *     client0 10.79.1.2 ─── 10.79.1.1 (device client0) server
 *     client1 10.79.2.2 ─── 10.79.2.1 (device client1)
 *                             10.79.0.1 (the server's own address)
 */
export class QualityNetwork {
  readonly server = new NetworkNamespace();
  readonly clients: readonly NetworkNamespace[];
  readonly serverAddress = '10.79.0.1';
  /** Settled when this thread is at home. */
  #atHome: Promise<unknown> = Promise.resolve();

  constructor(clients: number) {
    this.server.ip('address', 'add', `${this.serverAddress}/32`, 'dev', 'lo');
    this.clients = Array.from({ length: clients }, (_, i) => {
      const client = new NetworkNamespace();
      const router = { device: `client${i}`, addresses: [`10.79.${i + 1}.1/24`] };
      this.server.connect(router, client, { device: 'eth0', addresses: [`10.79.${i + 1}.2/24`] });
      client.routeThrough(`10.79.${i + 1}.1`);
      return client;
    });
  }

  /** What the daemon is configured with. */
  get yaml(): string {
    return `relay: { ipv4: { address: ${this.serverAddress} }, peers: { allow: [10.79.0.0/16] } }\n`;
  }

  /** Does something with this thread in a namespace as soon as nobody else does. */
  inside<T>(namespace: NetworkNamespace, action: () => Promise<T>): Promise<T> {
    const done = this.#atHome.then(() => inside(namespace, action));
    this.#atHome = done.catch(() => {});
    return done;
  }

  /** Takes everything away; processes inside must have ended. */
  remove(): void {
    for (const namespace of [this.server, ...this.clients]) namespace.remove();
  }
}
