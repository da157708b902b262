import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../client/clock.ts';
import { unixSeconds } from '../turn/time.ts';
import { SignedPost, signatureOf } from './signed-post.ts';

const secret = 'a secret of the webhooks';
const at = unixSeconds(1_800_000_000);

let stop: (() => void) | undefined;
afterEach(() => stop?.());

/** A real server on this machine, and a post to it. */
async function serve(answer: (response: ServerResponse, request: IncomingMessage) => void, timeoutMs = 10_000) {
  const requests: { readonly request: IncomingMessage; readonly body: string }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer(async (request, response) => {
    sockets.add(request.socket);
    requests.push({ request, body: await text(request) });
    answer(response, request);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stop = () => {
    server.close();
    server.closeAllConnections();
  };
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/hook?token=1`;
  const post = new SignedPost({ url, secret, timeoutMs }, { clock: systemClock, unixNow: () => at, fetch });
  return { post, requests, sockets, port };
}

describe('a signed post', () => {
  it('reaches a real server, with a signature that it can check', async () => {
    const { post, requests, port } = await serve((response) => response.end('{"allow":true}'));
    const body = '{"name":"Zoë"}';
    expect(await post.send(body)).toEqual({ kind: 'answered', status: 200, body: '{"allow":true}' });
    const [{ request, body: arrived }] = requests as [(typeof requests)[0]];
    expect([request.method, request.url, arrived]).toEqual(['POST', '/hook?token=1', body]);
    expect(request.headers).toMatchObject({
      'content-type': 'application/json',
      'taciturn-signature': signatureOf(secret, at, arrived),
    });
    expect(post.receiver).toBe(`http://127.0.0.1:${port}`);
  });

  it('has a signature that anybody can make: HMAC-SHA256 of the time, a dot and the body', () => {
    // printf '1800000000.{}' | openssl dgst -sha256 -hmac 'a secret of the webhooks'
    expect(signatureOf(secret, at, '{}')).toBe(
      't=1800000000,v1=fab91c06c89293abca4a5ec6df8998ca1022bcc25df44fab79b895cea4a4c3a3',
    );
  });

  it('passes the check that the documentation shows, which lets nothing else pass', async () => {
    const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'webhooks.md'), 'utf8');
    const [, code] = /```js\n(.*?)```/s.exec(page)!;
    const { isGenuine } = await import(`data:text/javascript,${encodeURIComponent(code!)}`);
    const body = '{"name":"Zoë"}';
    const header = signatureOf(secret, at, body);
    expect(isGenuine(header, body, secret, at + 299)).toBe(true);
    expect(isGenuine(header, Buffer.from(body), secret, at - 299)).toBe(true);
    expect(isGenuine(header, body, secret, at + 301)).toBe(false);
    expect(isGenuine(header, `${body} `, secret, at)).toBe(false);
    expect(isGenuine(header, body, `${secret}!`, at)).toBe(false);
    expect(isGenuine(header.replace('t=18', 't=19'), body, secret, at + 1e8)).toBe(false);
    for (const other of [undefined, '', header.slice(0, -1), `${header}0`, `${header},v1=00`]) {
      expect(isGenuine(other, body, secret, at)).toBe(false);
    }
    expect(page).toContain(`Taciturn-Signature: ${signatureOf(secret, at, '{}')}`);
  });

  it('uses a connection again', async () => {
    const { post, sockets } = await serve((response) => response.end('thanks'));
    for (let i = 0; i < 8; i++) expect(await post.send('{}')).toMatchObject({ status: 200 });
    // The next request may come before the first connection is known to be free.
    expect(sockets.size).toBeLessThanOrEqual(2);
  });

  it('does not go where it is sent', async () => {
    const { post, requests } = await serve((response) => response.writeHead(307, { location: '/elsewhere' }).end());
    expect(await post.send('{}')).toMatchObject({ kind: 'answered', status: 307 });
    expect(requests).toHaveLength(1);
  });

  it('does not read an answer that never ends', async () => {
    const { post } = await serve((response) => {
      const more = () => {
        while (response.write('x'.repeat(1024)));
      };
      response.on('drain', more);
      more();
    });
    expect(await post.send('{}')).toEqual({ kind: 'answered', status: 200, body: '' });
  });

  it('does not wait for an answer that stops in its middle', async () => {
    const { post } = await serve((response) => response.writeHead(200).write('{"allow":'), 200);
    expect(await post.send('{}')).toEqual({ kind: 'failed', why: 'no answer within 200 ms' });
  });

  it('ends its requests when it is told to, and sends no more', async () => {
    const { post, requests } = await serve(() => {});
    const stopped = { kind: 'failed', why: 'stopped' };
    const outcomes = Promise.all(Array.from({ length: 20 }, () => post.send('{}')));
    await expect.poll(() => requests.length).toBe(20);
    post.stop();
    expect(await outcomes).toEqual(Array(20).fill(stopped));
    expect(await post.send('{}')).toEqual(stopped);
    expect(requests).toHaveLength(20);
  });

  it('says why nobody answers', async () => {
    const { post } = await serve(() => {});
    stop?.();
    expect(await post.send('{}')).toEqual({ kind: 'failed', why: 'ECONNREFUSED' });
  });
});
