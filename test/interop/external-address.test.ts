import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { freeUdpPort } from './peers.ts';
import { sharedSecret, Taciturn, taciturn } from './taciturn.ts';

/** Starts a daemon on IPv4 loopback whose relays have this external address. */
function startWith(external: string, more = ''): Promise<Taciturn> {
  return Taciturn.start(`relay: { ipv4: { external: ${external} }, external: { ${more} } }`, { listen: ['127.0.0.1'] });
}

async function check(server: Taciturn): Promise<{ code: number | null; relayed: string }> {
  const url = `turn:127.0.0.1:${server.port}?transport=udp`;
  const { code, stdout } = await taciturn(['check', url, '--no-quality', '--secret-file', '-'], {
    input: sharedSecret,
  });
  return { code, relayed: /relayed ([\d.]+):/.exec(stdout)?.[1] ?? stdout };
}

describe('the external address', () => {
  const servers: Taciturn[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
  });

  it('is what clients are told behind a 1:1 NAT, and two clients meet at it though nothing leads there', async () => {
    servers.push(await startWith('198.51.100.7'));
    expect(await check(servers[0]!)).toEqual({ code: 0, relayed: '198.51.100.7' });
    const { iceServers } = await servers[0]!.issueCredential();
    expect(iceServers[0]!.urls).toEqual([`stun:198.51.100.7:${servers[0]!.port}`]);
  });

  it('is found by a hostname', async () => {
    servers.push(await startWith('localhost'));
    expect(await check(servers[0]!)).toEqual({ code: 0, relayed: '127.0.0.1' });
  });

  it('is found by asking the second STUN server when the first is silent', async () => {
    servers.push(await Taciturn.start('', { listen: ['127.0.0.1'] }));
    const silent = await freeUdpPort();
    servers.push(await startWith('stun', `stunServers: ["127.0.0.1:${silent}", "127.0.0.1:${servers[0]!.port}"]`));
    expect(await check(servers[1]!)).toEqual({ code: 0, relayed: '127.0.0.1' });
  });

  it('is never guessed: where nobody tells it, the server does not start and says who was asked', async () => {
    const silent = await freeUdpPort();
    const directory = mkdtempSync(join(tmpdir(), 'taciturn-test-'));
    const flags = ['--listen-address', '127.0.0.1', '--port', '0', '--http-port', '0', '--data-dir', directory];
    const stun = ['--external-ipv4', 'stun', '--stun-server', `127.0.0.1:${silent}`];
    const { code, stderr } = await taciturn(['serve', ...flags, ...stun]);
    rmSync(directory, { recursive: true });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('relay.ipv4.external') });
    expect(stderr).toContain('127.0.0.1: no answer');
  });
});
