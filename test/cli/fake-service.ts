/** An HTTP service that answers as it is told, for commands that ask a running server. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface FakeAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
}

export class FakeService {
  /** What has been asked, in its order. */
  readonly requests: FakeRequest[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Starts a service on a free port of loopback. */
  static async start(
    answer: (request: FakeRequest) => FakeAnswer | undefined,
    tls?: { readonly cert: string; readonly key: string },
  ): Promise<FakeService> {
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    const service = new FakeService(server);
    server.on('request', (incoming, response) => {
      const request = read(incoming);
      service.requests.push(request);
      const { status, body, headers } = answer(request) ?? notFound;
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export const notFound: FakeAnswer = failure(404, 'not_found', 'There is no live session of this id.');

export function failure(status: number, code: string, message: string, more: object = {}): FakeAnswer {
  return { status, body: { error: { code, message, ...more } } };
}

function read({ method, url, headers }: IncomingMessage): FakeRequest {
  const { pathname, searchParams } = new URL(url!, 'http://service');
  return { method: method!, path: pathname, query: searchParams, authorization: headers.authorization };
}
