import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CertificateAuthority } from './certificates.ts';
import { freeUdpPort, RunningProgram, requirePeer } from './peers.ts';
import { StreamClient } from './stream-client.ts';
import { Taciturn } from './taciturn.ts';
import { EchoPeer, losesNothing } from './uclient.ts';

const installed = ['haproxy', 'openssl', 'turnutils_uclient', 'turnutils_peer'].map(requirePeer).every(Boolean);
/** Where the load balancer's own connections come from. */
const balancer = '127.0.0.5';

describe.skipIf(!installed)('behind haproxy in TCP mode', { timeout: 60_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'taciturn-haproxy-'));
  const programs: RunningProgram[] = [];
  let authority: CertificateAuthority;
  let daemon: Taciturn;
  let peer: EchoPeer;
  let ports: { readonly version1: number; readonly version2: number };

  beforeAll(async () => {
    authority = new CertificateAuthority();
    const { certFile, keyFile } = authority.issue();
    [peer, daemon] = await Promise.all([
      EchoPeer.start(),
      Taciturn.start(`
tls: { certificateFile: ${certFile}, keyFile: ${keyFile}, port: 0 }
relay: { rfc5766Channels: true, peers: { allow: [127.0.0.1] } }
proxyProtocol: { trust: [${balancer}] }`),
    ]);
    ports = { version1: await freeUdpPort(), version2: await freeUdpPort() };
    const file = join(directory, 'haproxy.cfg');
    const way = (name: string, port: number, send: string) => `
listen ${name}
  bind 127.0.0.1:${port}
  server turn 127.0.0.1:${daemon.port} source ${balancer} ${send} check inter 200ms`;
    writeFileSync(
      file,
      `global
  maxconn 500
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${way('version1', ports.version1, 'send-proxy')}
${way('version2', ports.version2, 'send-proxy-v2')}
`,
    );
    programs.push(new RunningProgram('haproxy', ['-db', '-f', file]));
    await Promise.all(Object.values(ports).map(reachable));
  });

  afterAll(async () => {
    await Promise.all([...programs.map((program) => program.stop()), daemon?.stop(), peer?.stop()]);
    authority?.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Waits until the load balancer listens and believes its server alive. */
  function reachable(port: number): Promise<void> {
    return vi.waitFor(
      async () => {
        const client = await StreamClient.connect({ port });
        await client.binding();
        client.close();
      },
      { timeout: 20_000, interval: 100 },
    );
  }

  it.each([
    ['version1', 'TCP'],
    ['version2', 'TCP'],
    ['version1', 'TLS'],
    ['version2', 'TLS'],
  ] as const)('clients have their own addresses: %s over %s', async (version, transport) => {
    const ca = transport === 'TLS' ? { ca: authority.ca } : {};
    const client = await StreamClient.connect({ port: ports[version], from: '127.0.0.77', ...ca });
    expect(await client.binding()).toMatch(/^127\.0\.0\.77:/);
    client.close();
  });

  it.each([['-t'], ['-t', '-S']])(
    "coturn's client relays through it and is logged with its own address: %s",
    async (...flags) => {
      const before = daemon.log.length;
      await losesNothing({ port: ports.version2 }, [...flags, '-L', '127.0.0.78', ...peer.flags]);
      const clients = daemon.log.slice(before).filter(({ event }) => event === 'allocation-created');
      expect(clients.length).toBeGreaterThan(0);
      for (const { client } of clients) expect(client).toMatch(/^127\.0\.0\.78:/);
    },
  );
});
