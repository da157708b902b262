import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CommandOptions, runCommand } from '../../../test/cli/command-run.ts';
import { type FakeAnswer, FakeService, failure } from '../../../test/cli/fake-service.ts';
import { CertificateAuthority, type CertificateWishes } from '../../../test/interop/certificates.ts';
import { requirePeer } from '../../../test/interop/peers.ts';

const key = 'operator.kZ8mQ2xT7vLp4NwRc1Ye';
const sessions: FakeAnswer = { status: 200, body: { sessions: [] } };

let directory: string;
const started: { stop(): Promise<unknown> }[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taciturn-client-'));
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
  rmSync(directory, { recursive: true });
});

async function serve(answer: FakeAnswer, tls?: { readonly cert: string; readonly key: string }): Promise<FakeService> {
  const service = await FakeService.start(() => answer, tls);
  started.push(service);
  return service;
}

/** A server of TCP that does something else with each connection. */
async function serveTcp(act: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    act(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  started.push({
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return (server.address() as { port: number }).port;
}

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

/** Any command that asks a running server will do. */
function list(line: readonly string[], options: CommandOptions = {}) {
  return runCommand(['sessions', 'list', ...line], { ...options, env: { TACITURN_API_KEY: key, ...options.env } });
}

async function errorOf(line: readonly string[], options: CommandOptions = {}) {
  const { code, stdout } = await list([...line, '--json'], options);
  expect(stdout).not.toContain('kZ8mQ2xT7vLp4NwRc1Ye');
  return { exit: code, ...(JSON.parse(stdout).error as { code: string; message: string }) };
}

describe('the API key of a command', () => {
  it('comes from a file, stdin or the environment', async () => {
    const service = await serve(sessions);
    const env = { TACITURN_API_KEY: '' };
    await list(['--url', service.url]);
    await list(['--url', service.url, '--key-file', file('key', `${key}\n`)], { env });
    await list(['--url', service.url, '--key-file', '-'], { env, stdin: `${key}\n` });
    expect(service.requests.map(({ authorization }) => authorization)).toEqual(Array(3).fill(`Bearer ${key}`));
  });

  it.each<[readonly string[], CommandOptions, RegExp]>([
    [[], { env: { TACITURN_API_KEY: '' } }, /An API key is needed: .*taciturn keys create/],
    [['--key-file', '/nowhere/key'], {}, /does not exist/],
    [['--key-file', '-'], { stdin: 'a shared secret, not a key' }, /What is in stdin is no API key/],
    [[], { env: { TACITURN_API_KEY: 'x.y\nHost: z' } }, /What is in TACITURN_API_KEY is no API key/],
  ])('is asked for where there is none: %j', async (line, options, reason) => {
    const { exit, message } = await errorOf(['--url', 'http://127.0.0.1:1', ...line], options);
    expect(exit).toBe(64);
    expect(message).toMatch(reason);
  });
});

describe('the address of a running server', () => {
  it('is that of the configuration', async () => {
    const { port } = await serve(sessions);
    for (const host of ['127.0.0.1', '0.0.0.0']) {
      const config = file('taciturn.yaml', `http: { host: ${host}, port: ${port}, allowPublic: true }\n`);
      expect(await list(['--config', config])).toMatchObject({ code: 0 });
    }
  });

  it('may have a path, as behind a proxy', async () => {
    const service = await serve(sessions);
    await list(['--url', `${service.url}/turn/`]);
    expect(service.requests[0]!.path).toBe('/turn/v1/sessions');
  });

  it.each([
    ['http: { enabled: false }', /is switched off \(http\.enabled\)/],
    ['http: { port: 0 }', /--url/],
    ['http: { prot: 1 }', /problem/],
  ])('cannot be known with %s', async (yaml, reason) => {
    const { exit, message } = await errorOf(['--config', file('taciturn.yaml', yaml)]);
    expect(exit).toBe(78);
    expect(message).toMatch(reason);
  });

  it.each(['127.0.0.1:8080', 'ftp://127.0.0.1', 'http://user:pass@127.0.0.1', 'http://127.0.0.1/?key=x'])(
    'is none: %s',
    async (url) => {
      expect(await errorOf(['--url', url])).toMatchObject({ exit: 64 });
    },
  );
});

describe('a server that does not answer as it should', () => {
  it('is not there', async () => {
    const service = await FakeService.start(() => sessions);
    await service.stop();
    const { exit, code, message } = await errorOf(['--url', 'http://127.0.0.1:1']);
    expect({ exit, code }).toEqual({ exit: 1, code: 'no_server' });
    expect(message).toMatch(/Nothing listens at http:\/\/127\.0\.0\.1:1\. Start the server with taciturn serve/);
  });

  it('has a name that nobody knows', async () => {
    expect(await errorOf(['--url', 'http://no-such-host.invalid'])).toMatchObject({ code: 'unknown_host' });
  });

  it.each<[FakeAnswer, string, RegExp]>([
    [failure(401, 'unauthorized', 'x'), 'unauthorized', /does not accept the API key in TACITURN_API_KEY.*keys list/],
    [failure(403, 'insufficient_scope', 'No scope.'), 'insufficient_scope', /^No scope\. Make a key .*--scope read/],
    [failure(403, 'foreign', 'Not yours.'), 'foreign', /^Not yours\.$/],
    [
      { ...failure(429, 'too_many_failures', 'Too many.'), headers: { 'retry-after': '7' } },
      'too_many_failures',
      /in 7 s/,
    ],
    [
      failure(503, 'store_unavailable', 'Redis is away.'),
      'store_unavailable',
      /at the moment: Redis is away\. Try again/,
    ],
    [failure(500, 'internal', 'Something went wrong.'), 'internal', /^Something went wrong\.$/],
    [{ status: 200, body: { sessions: [{ id: 1 }] } }, 'not_taciturn', /HTTP 200/],
    [{ status: 404, body: '<h1>nginx</h1>' }, 'not_taciturn', /HTTP 404.*Check --url/],
    [{ status: 302, headers: { location: 'http://127.0.0.1:1/' } }, 'not_taciturn', /HTTP 302/],
  ])('answers %j', async (answer, code, reason) => {
    const service = await serve(answer);
    const error = await errorOf(['--url', service.url]);
    expect(error).toMatchObject({ exit: 1, code });
    expect(error.message).toMatch(reason);
  });

  it('closes the connection, or answers what is no HTTP', async () => {
    const closing = await serveTcp((socket) => socket.once('data', () => socket.destroy()));
    const babbling = await serveTcp((socket) => socket.end('220 mail.example ESMTP\r\n'));
    const halfway = await serveTcp((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"sess')),
    );
    for (const port of [closing, babbling, halfway]) {
      const { code, message } = await errorOf(['--url', `http://127.0.0.1:${port}`]);
      expect(code).toBe('no_answer');
      expect(message).toMatch(/If the service has a certificate.*https:\/\/127/);
    }
  });
});

const installed = requirePeer('openssl');
describe.skipIf(!installed)('a server with a certificate', () => {
  let authority: CertificateAuthority;
  beforeAll(() => {
    authority = new CertificateAuthority();
  });
  afterAll(() => authority.remove());

  async function serveTls(wishes: CertificateWishes = {}) {
    const certificate = authority.issue(wishes);
    const service = await serve(sessions, certificate);
    return { service, url: `https://127.0.0.1:${service.port}`, ...certificate };
  }

  it('is trusted when the authority of --ca has signed it', async () => {
    const { url } = await serveTls();
    expect(await list(['--url', url, '--ca', authority.caFile])).toMatchObject({ code: 0 });
  });

  it.each<[CertificateWishes, boolean, RegExp]>([
    [{}, false, /nobody who is trusted here has signed it .*--ca/],
    [{ selfSigned: true }, false, /signed with its own key.*--ca/],
    [{ days: -1 }, true, /it has expired.*renew it/],
    [{ names: ['DNS:other.example'] }, true, /is not for 127\.0\.0\.1/],
  ])('is not sent the key: %j', async (wishes, withAuthority, reason) => {
    const { url, service } = await serveTls(wishes);
    const error = await errorOf(['--url', url, ...(withAuthority ? ['--ca', authority.caFile] : [])]);
    expect(error).toMatchObject({ exit: 1, code: 'untrusted_certificate' });
    expect(error.message).toMatch(reason);
    expect(error.message).toContain('The API key was not sent.');
    expect(service.requests).toEqual([]);
  });

  function configuration({ certFile, keyFile, service }: Awaited<ReturnType<typeof serveTls>>, more = ''): string {
    const http = `http: { port: ${service.port}, certificateFile: ${certFile}, keyFile: ${keyFile} }`;
    return file('taciturn.yaml', `${http}\n${more}`);
  }

  it('is known by the certificate in its own configuration, whoever has signed it and whatever its name', async () => {
    for (const wishes of [{ selfSigned: true }, { names: ['DNS:other.example'] }]) {
      const server = await serveTls(wishes);
      expect(await list(['--config', configuration(server)])).toMatchObject({ code: 0 });
    }
  });

  it('is not known when it shows another certificate than that', async () => {
    const server = await serveTls({ selfSigned: true });
    const { certFile, keyFile } = authority.issue({ selfSigned: true });
    const error = await errorOf(['--config', configuration({ ...server, certFile, keyFile })]);
    expect(error.code).toBe('untrusted_certificate');
    expect(server.service.requests).toEqual([]);
  });

  it('may be for the public host of its configuration', async () => {
    const server = await serveTls({ names: ['DNS:turn.example.org'] });
    // It was renewed, and the server still has the one from before.
    const { certFile, keyFile } = authority.issue({ names: ['DNS:turn.example.org'] });
    const config = configuration({ ...server, certFile, keyFile }, 'publicHost: turn.example.org\n');
    expect(await list(['--config', config, '--ca', authority.caFile])).toMatchObject({ code: 0 });
  });

  it('and one without are told apart', async () => {
    const { service } = await serveTls();
    const plain = await serve(sessions);
    expect(await errorOf(['--url', service.url])).toMatchObject({ code: 'no_answer' });
    expect(await errorOf(['--url', `https://127.0.0.1:${plain.port}`])).toMatchObject({ code: 'not_tls' });
  });
});
