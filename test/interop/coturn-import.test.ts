/** Configurations that guides tell people to write for coturn: imported, checked, and served with. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ClientTransport } from '../../src/client/open-socket.ts';
import { timeLimitedPassword } from '../../src/credentials/time-limited-username.ts';
import { TransportProtocol } from '../../src/stun/protocol.ts';
import { CertificateAuthority } from './certificates.ts';
import { RunningProgram, requirePeer } from './peers.ts';
import { allocate, type Credentials, connect, relay } from './relay-client.ts';
import { launcher, type StartReport, taciturn } from './taciturn.ts';

// Each of the commands is a process of its own.
const patience = { timeout: 90_000 };

let authority: CertificateAuthority;
let directory: string;
let daemon: RunningProgram | undefined;
beforeAll(() => {
  authority = new CertificateAuthority();
});
afterAll(() => authority.remove());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taciturn-import-'));
});
afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
  rmSync(directory, { recursive: true });
});

/** The guide's file for this machine: its addresses are loopback, and its certificate is one of ours. */
function fileOf(guide: string): string {
  const { certFile, keyFile } = authority.issue();
  const text = readFileSync(new URL(`../vectors/coturn/${guide}.conf`, import.meta.url), 'utf8')
    .replace(/^cert=.*$/m, `cert=${certFile}`)
    .replace(/^pkey=.*$/m, `pkey=${keyFile}`)
    .replaceAll(/^((?:listening|relay)-ip=|external-ip=.*\/).*$/gm, '$1127.0.0.1');
  const file = join(directory, 'turnserver.conf');
  writeFileSync(file, text);
  return file;
}

async function serve(config: string): Promise<StartReport> {
  // Ports that are free in place of those of the file, so that tests do not meet.
  const ports = ['--port', '0', '--tls-port', '0', '--http-port', '0'];
  const flags = [...ports, '--listen-address', '127.0.0.1', '--data-dir', join(directory, 'data')];
  daemon = new RunningProgram(process.execPath, [launcher, 'serve', '--config', config, ...flags, '--json']);
  await daemon.waitFor(/^}$/m);
  return JSON.parse(daemon.stdout) as StartReport;
}

/** What the app behind the guide hands to a browser. */
function credentials(conf: string): Credentials {
  const secret = /^static-auth-secret=(.*)$/m.exec(readFileSync(conf, 'utf8'))![1]!;
  const username = `${Math.floor(Date.now() / 1000) + 600}:alice`;
  return { username, password: timeLimitedPassword(secret, username) };
}

describe.each([
  { guide: 'nextcloud-talk', tls: false, tcpRelays: true },
  { guide: 'matrix', tls: true, tcpRelays: false },
  { guide: 'jitsi', tls: true, tcpRelays: false },
  { guide: 'bigbluebutton', tls: true, tcpRelays: true },
])('the file of the guide of $guide', ({ guide, tls, tcpRelays }) => {
  it('is imported without a line refused, passes the check, and serves', patience, async () => {
    const conf = fileOf(guide);
    const [output, secrets] = [join(directory, 'taciturn.yaml'), join(directory, 'secrets')];
    const imported = await taciturn(['config', 'import', conf, '--output', output, '--secrets-dir', secrets]);
    expect(imported).toMatchObject({ code: 0, stdout: '' });
    expect(imported.stderr).not.toContain(' refused because ');
    expect(await taciturn(['config', 'check', output])).toMatchObject({ code: 0 });

    const { listening } = await serve(output);
    const portOf = (wanted: string) => listening.find(({ transport }) => transport === wanted)?.port;
    const app = credentials(conf);
    const transports: ClientTransport[] = [{ kind: 'udp' }, { kind: 'tcp' }];
    if (tls) transports.push({ kind: 'tls', serverName: '127.0.0.1', trusted: authority.ca });
    for (const transport of transports) {
      const [one, a] = await allocate(portOf(transport.kind)!, app, transport);
      const [other, b] = await allocate(portOf('udp')!, app);
      await relay(a, b, `relayed over ${transport.kind}`);
      for (const client of [one, other]) client.close();
    }
    expect(portOf('tls') !== undefined).toBe(tls);

    const client = await connect(portOf('tcp')!, app, { kind: 'tcp' });
    const answer = await client.allocate({ transportProtocol: TransportProtocol.tcp });
    expect(answer.ok || answer.error).toMatchObject(tcpRelays ? {} : { code: 442 });
    expect(answer.ok).toBe(tcpRelays);
    client.close();

    const stranger = { ...app, password: timeLimitedPassword('not the secret of the file', app.username) };
    await expect(allocate(portOf('udp')!, stranger)).rejects.toThrow('401');
  });
});

const example = '/usr/share/doc/coturn/examples/etc/turnserver.conf';

describe.skipIf(!requirePeer('turnserver') || !existsSync(example))('the example file of coturn', () => {
  const output = () => join(directory, 'taciturn.yaml');

  it('is imported, passes the check, and serves', patience, async () => {
    expect(await taciturn(['config', 'import', example, '--output', output()])).toMatchObject({ code: 0 });
    expect(await taciturn(['config', 'check', output()])).toMatchObject({ code: 0 });
    expect((await serve(output())).listening.length).toBeGreaterThan(0);
  });

  it('has no directive that is unknown, among those that are commented out either', async () => {
    const all = readFileSync(example, 'utf8').replaceAll(/^# ?(?=[a-zA-Z][\w-]*=)|^#(?=[a-zA-Z][\w-]*$)/gm, '');
    const { stdout } = await taciturn(['config', 'import', '-', '--json', '--ignore-refused'], { input: all });
    const { ok, lines } = JSON.parse(stdout) as { ok: boolean; lines: { directive: string; because?: string }[] };
    expect(ok).toBe(true);
    expect(new Set(lines.map(({ directive }) => directive)).size).toBeGreaterThan(80);
    const unknown = lines.filter(({ because }) => because?.includes('knows no such directive'));
    expect(unknown.map(({ directive }) => directive)).toEqual([]);
  });
});
