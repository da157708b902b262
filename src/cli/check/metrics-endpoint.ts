import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HostPort } from '../../config/host.ts';
import { formatTransportAddress, IpAddress } from '../../stun/ip-address.ts';
import { ExitCode } from '../command-context.ts';
import { CommandFailure } from '../command-failure.ts';
import { expositionContentType } from './exposition.ts';

/** Where Prometheus fetches the metrics of a check that goes on: `GET /metrics`. */
export class MetricsEndpoint {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @throws CommandFailure when the address cannot be had. */
  static async start({ host, port }: HostPort, metrics: () => string): Promise<MetricsEndpoint> {
    const server = createServer((request, response) => {
      const { method, url = '' } = request;
      const body = url.split('?', 1)[0] === '/metrics' ? metrics() : undefined;
      const status = method !== 'GET' && method !== 'HEAD' ? 405 : body === undefined ? 404 : 200;
      const type = status === 200 ? expositionContentType : 'text/plain; charset=utf-8';
      response.writeHead(status, { 'content-type': type, ...(status === 405 && { allow: 'GET, HEAD' }) });
      response.end(status === 200 ? body : 'The metrics are at /metrics.\n');
    });
    try {
      server.listen({ host, port, exclusive: true });
      await once(server, 'listening');
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      const given = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
      throw new CommandFailure(
        ExitCode.failure,
        'cannot_listen',
        `--metrics ${given}: this machine does not let it listen there (${code}). ${advice.get(code) ?? 'Choose another address or port.'}`,
      );
    }
    // A connection that cannot be taken, for want of file descriptors, is no reason to end.
    server.on('error', () => {});
    return new MetricsEndpoint(server);
  }

  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    // A link-local address comes with its zone.
    const ip = IpAddress.parse(address.split('%', 1)[0]!)!;
    return `http://${formatTransportAddress({ ip, port })}/metrics`;
  }

  /** Ends at once, also what is under way. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

const advice: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'Some other program has the port: choose another one, or end that program.'],
  ['EADDRNOTAVAIL', 'It has no such address: choose one of its own, such as 127.0.0.1.'],
  ['EACCES', 'Ports below 1024 need rights: choose a higher one.'],
  ['ENOTFOUND', 'The name has no address: give an IP address, such as 127.0.0.1.'],
]);
