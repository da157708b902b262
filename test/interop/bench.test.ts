import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AllocationsReport, IdleReport, LoadReport, MaximumReport } from '../../src/bench/run-bench.ts';
import { type Certificate, CertificateAuthority } from './certificates.ts';
import { type Coturn, coturnUser, startCoturn } from './coturn.ts';
import { requirePeer } from './peers.ts';
import { launcher, sharedSecret, Taciturn, taciturn } from './taciturn.ts';

type Report<T> = T & { readonly schema: number };

/** Runs `taciturn bench` to its end and reads what it reports. */
async function bench<T>(url: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Report<T>> {
  const options = { env: { ...process.env, ...env } };
  const { code, stdout, stderr } = await taciturn(['bench', url, '--warmup', '200ms', '--json', ...args], options);
  expect({ code, stderr, stdout: code === 0 ? '' : stdout }).toEqual({ code: 0, stderr: '', stdout: '' });
  return JSON.parse(stdout) as Report<T>;
}

/** A load that any machine carries. */
const light = ['--clients', '4', '--rate', '800', '--duration', '500ms'];

function expectAllDelivered({ schema, measurement }: Report<LoadReport>): void {
  const { sent, offered, delivered, duplicates, lost } = measurement;
  expect({ schema, delivered, duplicates, lost }).toEqual({ schema: 1, delivered: sent, duplicates: 0, lost: 0 });
  expect(offered).toBe(400);
  // A thread that the machine has put aside at the end does not make up for it any more.
  expect(sent).toBeGreaterThan(200);
}

const ways = ['to-peer', 'to-client', 'echo'].flatMap((direction) =>
  ['channel', 'send'].map((mode) => ['--direction', direction, '--mode', mode]),
);

describe.skipIf(!requirePeer('openssl'))('taciturn bench against taciturn', () => {
  let authority: CertificateAuthority;
  let certificate: Certificate;
  let server: Taciturn;
  const env = { TACITURN_SECRET: sharedSecret };
  const url = (transport: string) => `turn:127.0.0.1:${server.port}?transport=${transport}`;

  beforeAll(async () => {
    authority = new CertificateAuthority();
    certificate = authority.issue();
    server = await Taciturn.start(`relay: { peers: { allow: [127.0.0.0/8] } }
tls: { certificateFile: ${certificate.certFile}, keyFile: ${certificate.keyFile}, port: 0 }`);
  });
  afterAll(async () => {
    await server.stop();
    authority.remove();
  });

  it.each(ways)('counts each packet %s %s %s %s', async (...way) => {
    expectAllDelivered(await bench(url('udp'), [...light, ...way], env));
  });

  it('counts each packet over TCP', async () => {
    expectAllDelivered(await bench(url('tcp'), [...light, '--direction', 'echo'], env));
  });

  it('counts each packet over TLS, with sizes that need padding', async () => {
    const args = [...light, '--size', '101', '--direction', 'echo', '--ca', authority.caFile];
    expectAllDelivered(await bench(`turns:127.0.0.1:${server.port}`, args, env));
  });

  it('speaks with a peer in a process of its own', async () => {
    const command = `${process.execPath} ${launcher} bench peer --host 127.0.0.1`;
    for (const direction of ['to-peer', 'to-client']) {
      const args = [...light, '--direction', direction, '--peer-command', command];
      expectAllDelivered(await bench(url('udp'), args, env));
    }
  });

  it.each(['udp', 'tcp'] as const)(
    'tells what the relay adds to the latency over %s, and what the server uses',
    async (transport) => {
      const args = [...light, '--latency', '--pid', String(server.program.pid)];
      const report = await bench<LoadReport>(url(transport), args, env);
      expectAllDelivered(report);
      expect(report.baseline!.delivered).toBeGreaterThan(0);
      expect(report.baseline!.lost).toBe(0);
      expect(report.addedLatency!.p99).toBeTypeOf('number');
      expect(report.measurement.latency!.p99).toBeGreaterThanOrEqual(report.measurement.latency!.p50);
      expect(report.measurement.server!.microseconds).toBeGreaterThan(0);
    },
  );

  it('floods, and loses nothing that it does not count', async () => {
    const args = ['--clients', '2', '--flood', '--duration', '500ms'];
    const { measurement } = await bench<LoadReport>(url('udp'), args, env);
    expect(measurement.sent).toBeGreaterThan(1000);
    expect(measurement.delivered + measurement.lost).toBe(measurement.sent);
  });

  it('finds a maximum', async () => {
    const report = await bench<MaximumReport>(url('udp'), ['--find-maximum', '--duration', '100ms'], env);
    expect(report.packetsPerSecond).toBeGreaterThan(100);
  }, 90_000);

  it('holds idle allocations, and leaves none behind', async () => {
    const args = ['--idle', '200', '--pid', String(server.program.pid)];
    const report = await bench<IdleReport>(url('udp'), args, env);
    expect(report.allocations).toBe(200);
    expect(report.bytesPerAllocation).toBeTypeOf('number');
    expect(await server.metric('taciturn_allocations')).toBe(0);
  });

  it('counts allocations a second', async () => {
    const report = await bench<AllocationsReport>(url('udp'), ['--allocations', '--duration', '1s'], env);
    expect(report).toMatchObject({ failures: 0 });
    expect(report.allocations).toBeGreaterThan(10);
  });

  it('ends with 1 and the reason when no allocation can be had', async () => {
    const wrong = { ...process.env, TACITURN_SECRET: randomBytes(12).toString('hex') };
    const { code, stdout } = await taciturn(['bench', url('udp'), '--json'], { env: wrong });
    expect(code).toBe(1);
    expect((JSON.parse(stdout) as { error: object }).error).toMatchObject({ code: 'bench_failed' });
    expect(stdout).toContain('401');
  });
});

describe.skipIf(!requirePeer('turnserver'))('taciturn bench against coturn', () => {
  let server: Coturn;
  const args = [...light, '--username', coturnUser.username];
  const env = { TACITURN_PASSWORD: coturnUser.password };

  beforeAll(async () => {
    server = await startCoturn({ args: ['--allow-loopback-peers'], streams: {} });
  });
  afterAll(() => server.stop());

  it.each([ways[0]!, ways[3]!, ways[4]!])('counts each packet %s %s %s %s', async (...way) => {
    expectAllDelivered(await bench(server.url, [...args, ...way], env));
  });

  it('counts each packet over TCP', async () => {
    expectAllDelivered(await bench(`${server.url}?transport=tcp`, [...args, '--direction', 'echo'], env));
  });
});
