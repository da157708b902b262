import { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { type Coturn, startCoturn } from './coturn.ts';
import { freeUdpPort, requirePeer } from './peers.ts';

const installed = requirePeer('turnserver');

async function check(line: readonly string[], environment: Record<string, string> = {}) {
  const output = { stdout: '', stderr: '' };
  const into = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk, _encoding, done) {
        output[name] += String(chunk);
        done();
      },
    });
  const streams = { stdin: Readable.from(['']), stdout: into('stdout'), stderr: into('stderr') };
  const code = await main(['check', ...line, '--no-quality'], environment, streams);
  return { code, ...output };
}

const user = ['--username', 'user'];

describe.skipIf(!installed)('taciturn check with coturn', () => {
  let coturn: Coturn;

  beforeAll(async () => {
    coturn = await startCoturn({ args: ['--allow-loopback-peers'] });
  });

  afterAll(async () => {
    await coturn?.stop();
  });

  it('passes, step by step, and notes the loopback address', async () => {
    const { code, stdout, stderr } = await check([coturn.url, ...user], { TACITURN_PASSWORD: 'pass' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.match(/^✓ \S+/gm)).toHaveLength(10);
    expect(stdout).toMatch(/^✓ allocate +[\d.]+ ms {2}relayed 127\.0\.0\.1:\d+$/m);
    expect(stdout).toMatch(/^✓ echo +[\d.]+ ms {2}5 of 5 packets, RTT /m);
    expect(stdout).toContain('is a loopback address');
    expect(stdout.endsWith(`\n${coturn.url} relays, but read the notes above.\n`)).toBe(true);
  });

  it('gives one document with --json', async () => {
    const { code, stdout } = await check([coturn.url, ...user, '--json'], { TACITURN_PASSWORD: 'pass' });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 1, url: coturn.url, passed: true, notTested: [] });
  });

  it('fails with a wrong password and says so', async () => {
    const { code, stdout } = await check([coturn.url, ...user], { TACITURN_PASSWORD: 'wrong' });
    expect(code).toBe(2);
    expect(stdout).toMatch(/^✗ allocate .*401/m);
    expect(stdout).toContain('cause  The server refused the username or the password (401).');
    expect(stdout).toContain('not tested: second allocation, permission');
  });

  it('fails with an expired username and says when it expired', async () => {
    const environment = { TACITURN_PASSWORD: 'whatever' };
    const { code, stdout } = await check([coturn.url, '--username', '1266890800:bob'], environment);
    expect(code).toBe(2);
    expect(stdout).toContain('expired at 2010-02-23T02:06:40Z');
  });

  it('fails without credentials where some are needed', async () => {
    const { code, stdout } = await check([coturn.url]);
    expect(code).toBe(2);
    expect(stdout).toMatch(/^✓ challenge/m);
    expect(stdout).toContain('none were given');
  });

  it('needs none for stun:', async () => {
    const { code, stdout } = await check([coturn.url.replace('turn:', 'stun:')]);
    expect(code).toBe(0);
    expect(stdout.match(/^✓ \S+/gm)).toEqual(['✓ resolve', '✓ binding']);
  });
});

describe.skipIf(!installed)('taciturn check with a coturn that uses a shared secret', () => {
  const authentication = ['--use-auth-secret', '--static-auth-secret', 'a secret of coturn'];
  let coturn: Coturn;

  beforeAll(async () => {
    coturn = await startCoturn({ authentication, args: ['--allow-loopback-peers', '--user-quota', '1'] });
  });

  afterAll(async () => {
    await coturn?.stop();
  });

  it('makes its own credential, and finds a quota of one too small', async () => {
    const { code, stdout } = await check([coturn.url], { TACITURN_SECRET: 'a secret of coturn' });
    expect(code).toBe(2);
    expect(stdout).toMatch(/^✓ allocate/m);
    expect(stdout).toMatch(/^✗ second allocation .*486/m);
    expect(stdout).toContain('this check needs two');
  });

  it('fails with another secret', async () => {
    const { code, stdout } = await check([coturn.url], { TACITURN_SECRET: 'another secret' });
    expect(code).toBe(2);
    expect(stdout).toContain('its secret is another one');
  });
});

describe.skipIf(!installed)('taciturn check with a coturn that refuses loopback peers', () => {
  let coturn: Coturn;

  beforeAll(async () => {
    coturn = await startCoturn();
  });

  afterAll(async () => {
    await coturn?.stop();
  });

  it('fails at the permission', async () => {
    const { code, stdout } = await check([coturn.url, ...user], { TACITURN_PASSWORD: 'pass' });
    expect(code).toBe(2);
    expect(stdout).toMatch(/^✗ permission .*403/m);
    expect(stdout).toContain('does not let clients reach 127.0.0.1:');
  });
});

it('fails where nothing listens', async () => {
  const { code, stdout } = await check([`turn:127.0.0.1:${await freeUdpPort()}`]);
  expect(code).toBe(2);
  expect(stdout).toMatch(/^✗ binding .*ECONNREFUSED/m);
  expect(stdout).toContain('nothing listens at 127.0.0.1:');
});
