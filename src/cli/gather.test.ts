import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../test/cli/command-run.ts';
import { VirtualClock } from '../../test/client/virtual-clock.ts';
import type { GatheredCandidate, GatherReport } from '../ice/report.ts';
import { fetchIceServers } from './gather/fetch-ice-servers.ts';
import { gatherVerdict } from './gather/verdict.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taciturn-gather-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function file(name: string, content: unknown): string {
  const path = join(directory, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const gather = (...line: readonly string[]) => runCommand(['gather', ...line]);

describe('taciturn gather without a server', () => {
  it('shows what this machine has, and ends with 3', async () => {
    const { code, stdout } = await gather();
    expect(code).toBe(3);
    expect(stdout).toMatch(/^type +protocol +address +priority/);
    expect(stdout).toContain('No server was given, so there are host candidates only');
  });

  it('prints lines of a session description and nothing else with --sdp', async () => {
    const { stdout } = await gather('--sdp', '--loopback');
    const lines = stdout.trim().split('\n');
    for (const line of lines) expect(line).toMatch(/^a=candidate:\d+ 1 (udp|tcp) \d+ \S+ \d+ typ host( tcptype \w+)?$/);
  });

  it('is one document with --json', async () => {
    const { code, stdout } = await gather('--json', '--mdns', '--loopback');
    const report = JSON.parse(stdout);
    expect(code).toBe(3);
    expect(report).toMatchObject({ schema: 1, passed: false, policy: 'all', servers: [], errors: [], flags: [] });
    expect(report.candidates[0]).toMatchObject({ type: 'host', address: expect.stringMatching(/\.local$/) });
  });
});

describe('taciturn gather', () => {
  it('has help with examples', async () => {
    const { code, stdout } = await gather('--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples:\n {2}\$ taciturn gather/);
  });

  it('ends with 2 when a server fails, and says why', async () => {
    const path = file('servers.json', { iceServers: [{ urls: 'turn://wrong' }] });
    const { code, stdout } = await gather('--ice-servers', path);
    expect(code).toBe(2);
    expect(stdout).toContain('✗ turn://wrong: 701 Invalid ICE server URL.');
    expect(stdout).toContain('The server gives nothing');
  });

  it('reads the servers from stdin', async () => {
    const stdin = JSON.stringify([{ urls: 'stun://wrong' }]);
    const { code } = await runCommand(['gather', '--ice-servers', '-'], { stdin });
    expect(code).toBe(2);
  });

  it.each([
    [['--ice-server', 'stun:127.0.0.1:9', 'stun:127.0.0.2:9']],
    [['--ice-server', 'stun:127.0.0.1:9', '--ice-server', 'stun:127.0.0.2:9']],
  ])('takes several servers: %j', async (line) => {
    const { stdout } = await gather(...line, '--json', '--timeout', '100ms');
    const { servers } = JSON.parse(stdout) as GatherReport;
    expect(servers.map(({ url }) => url)).toEqual(['stun:127.0.0.1:9', 'stun:127.0.0.2:9']);
  });

  it.each([
    [['--ice-server', 'turn.example.org'], /must start with stun:, turn: or turns:/],
    [['--ice-server', 'turns:turn.example.org?transport=udp'], /is DTLS/],
    [['--ice-servers', 'missing.json'], /--ice-servers missing.json: The file does not exist/],
    [['--ice-servers', '-', '--secret-file', '-'], /cannot all be read from stdin/],
    [['--key-file', 'key'], /--credentials-url, which is missing/],
    [['--credentials-url', 'app.example.org'], /starts with https/],
    [['--credentials-url', 'https://user:key@app.example.org'], /must not hold a username/],
    [['--timeout', 'soon'], /--timeout takes a time/],
    [['--family', '5'], /Allowed choices are 4, 6/],
    [['--policy', 'none'], /Allowed choices are all, relay/],
    [['--sdp', '--json'], /exclude each other/],
    [['--username', 'a'], /needs a password/],
    [['turn:turn.example.org'], /too many arguments/],
  ])('ends with 64 for %j', async (line, reason) => {
    const { code, stdout, stderr } = await gather(...line);
    expect(code).toBe(64);
    expect(line.includes('--json') ? stdout : stderr).toMatch(reason);
  });

  it('ends with 64 when a document holds no servers', async () => {
    const { code, stderr } = await gather('--ice-servers', file('a.json', { servers: [] }));
    expect(code).toBe(64);
    expect(stderr).toContain('there is no iceServers');
  });
});

describe('a service that gives iceServers', () => {
  let server: Server;
  let url: string;
  let answer: RequestListener;
  const asked: { method: string | undefined; authorization: string | undefined; path: string | undefined }[] = [];
  const json =
    (value: unknown, status = 200): RequestListener =>
    (_request, response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  beforeEach(async () => {
    asked.length = 0;
    server = createServer((request, response) => {
      const { method, headers, url: path } = request;
      asked.push({ method, authorization: headers.authorization, path });
      answer(request, response);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/credentials?secret=query`;
  });
  afterEach(() => {
    server.close();
    server.closeAllConnections();
  });
  const fails = (...flags: readonly string[]) => gather('--credentials-url', url, ...flags);

  it('is asked by POST with the key, or by GET', async () => {
    answer = json({ iceServers: [{ urls: 'stun://wrong' }] });
    const key = file('key', 'id.secret\n');
    expect(await fails('--key-file', key)).toMatchObject({ code: 2, stdout: expect.stringContaining('stun://wrong') });
    await runCommand(['gather', '--credentials-url', url, '--method', 'GET'], { env: { TACITURN_API_KEY: 'other' } });
    expect(asked).toMatchObject([
      { method: 'POST', authorization: 'Bearer id.secret' },
      { method: 'GET', authorization: 'Bearer other' },
    ]);
  });

  it.each<[string, RequestListener, string]>([
    ['asks for a key', json({}, 401), 'credentials_unauthorized'],
    ['forbids it', json({}, 403), 'credentials_forbidden'],
    ['has no such path', json({}, 404), 'credentials_not_found'],
    ['takes another method', json({}, 405), 'credentials_method_not_allowed'],
    ['was asked too often', json({}, 429), 'credentials_rate_limited'],
    ['fails', json({}, 500), 'credentials_service_error'],
    ['answers a web page', (_, response) => response.end('<!doctype html>'), 'credentials_html'],
    ['answers something else', (_, response) => response.end('hello'), 'credentials_not_json'],
    ['answers too much', (_, response) => response.end('x'.repeat(100_000)), 'credentials_too_long'],
    ['answers no servers', json({ ok: true }), 'credentials_no_servers'],
    ['cuts the connection', (request) => request.socket.destroy(), 'credentials_unreachable'],
    [
      'redirects elsewhere',
      (_, response) => response.writeHead(302, { location: 'https://elsewhere.example/x?y=z' }).end(),
      'credentials_redirect',
    ],
  ])('that %s has its own sentence, and shows no secret', async (_, listener, code) => {
    answer = listener;
    const key = file('key', 'id.verysecret');
    const { code: exitCode, stdout } = await fails('--json', '--key-file', key);
    expect(exitCode).toBe(2);
    const { error } = JSON.parse(stdout);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^--credentials-url http:\/\/127\.0\.0\.1:\d+\/v1\/credentials: .+\.$/);
    expect(stdout).not.toMatch(/verysecret|query|y=z/);
  });

  it('may redirect on its own host', async () => {
    answer = (request, response) =>
      request.url === '/here'
        ? json([{ urls: 'stun://wrong' }])(request, response)
        : response.writeHead(303, { location: '/here' }).end();
    expect((await fails()).stdout).toContain('stun://wrong');
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /v1/credentials?secret=query',
      'GET /here',
    ]);
  });

  it('at a port that is blocked says so', async () => {
    const { code, stdout } = await gather('--credentials-url', 'http://127.0.0.1:25/', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout).error.message).toMatch(/Its port is one of those .*Check the port\.$/);
  });

  it('that redirects in a circle is left', async () => {
    answer = (_, response) => response.writeHead(302, { location: '/again' }).end();
    expect((await fails()).code).toBe(2);
    expect(asked).toHaveLength(4);
  });

  it('that is silent is given up', async () => {
    const clock = new VirtualClock();
    const silent = ((_url, init) =>
      new Promise((_, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
      })) as typeof fetch;
    const request = { url: 'https://app.example.org/', method: 'GET', key: undefined, timeoutMs: 10_000 } as const;
    const failed = expect(clock.until(fetchIceServers(request, { clock, fetch: silent }))).rejects.toMatchObject({
      code: 'credentials_timeout',
      message: expect.stringContaining('within 10 s'),
    });
    await failed;
    expect(clock.armed).toBe(0);
  });
});

describe('the verdict', () => {
  const report = (statuses: readonly GatherReport['servers'][number]['status'][]): GatherReport => ({
    policy: 'all',
    candidates: [{ type: 'relay', flags: [] } as unknown as GatheredCandidate],
    errors: [],
    servers: statuses.map((status) => ({ url: 'turn:a', status, addresses: [], elapsedMs: 1, flags: [] })),
    flags: [],
    elapsedMs: 1,
  });

  it.each([
    [['answered'], 0, 'The server answers: no host candidate, no reflexive one and one relayed one.'],
    [['answered', 'not-asked'], 0, 'The server answers: '],
    [['answered', 'answered'], 0, 'Both servers answer: '],
    [['answered', 'answered', 'answered'], 0, 'All 3 servers answer: '],
    [['answered', 'failed'], 2, '1 of 2 servers fails: '],
    [['failed', 'failed'], 2, 'Neither server gives what it should: '],
    [['failed', 'failed', 'failed'], 2, 'None of the 3 servers gives what it should: '],
    [[], 3, 'No server was given, so there are host candidates only'],
    [['not-asked'], 3, 'With --policy relay only TURN servers are asked'],
  ] as const)('of %j ends with %i', (statuses, exitCode, sentence) => {
    const verdict = gatherVerdict(report(statuses));
    expect(verdict.exitCode).toBe(exitCode);
    expect(verdict.sentence).toContain(sentence);
  });

  it('says what peers may not reach, and what a policy leaves', () => {
    const flags = [{ code: 'relayed_address_private', cause: '', fix: '' }];
    const relays = (count: number) =>
      Array.from({ length: count }, () => ({ type: 'relay', flags }) as unknown as GatheredCandidate);
    const sentenceOf = (policy: 'all' | 'relay', count: number) =>
      gatherVerdict({ ...report(['answered']), policy, candidates: relays(count) }).sentence;
    expect(sentenceOf('relay', 1)).toBe(
      'The server answers: one relayed candidate, which peers elsewhere may not reach.',
    );
    expect(sentenceOf('relay', 2)).toContain('2 relayed candidates; peers elsewhere may not reach 2 of them.');
    expect(sentenceOf('all', 1)).toContain('and one relayed one; peers elsewhere may not reach one of them.');
    expect(gatherVerdict({ ...report([]), policy: 'relay' }).sentence).toContain('there are no other candidates');
  });
});
