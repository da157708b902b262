import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const files = new Map([
  ['/call.html', 'text/html; charset=utf-8'],
  ['/call.js', 'text/javascript; charset=utf-8'],
]);

export interface PageServer {
  /** Where the page is. On loopback, because browsers show a camera only to HTTPS and to this machine. */
  readonly url: string;
  close(): void;
}

/** Serves the page of the browser test. */
export async function servePage(): Promise<PageServer> {
  const server = createServer(async ({ url = '' }, response) => {
    const type = files.get(url);
    if (type === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': type }).end(await readFile(new URL(`.${url}`, import.meta.url)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/call.html`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
