import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canMakeNamespaces } from '../interop/network-namespaces.ts';
import { requirePeer } from '../interop/peers.ts';
import type { DiagnoseRun } from './diagnose-run.ts';
import { digest } from './digest.ts';
import { expectedOracles } from './expected-oracles.ts';
import { comparable, expectedReport } from './expected-reports.ts';
import { labKinds } from './lab-kinds.ts';
import { LabRun } from './lab-run.ts';

const programs = ['nft', 'turnserver', 'turnutils_natdiscovery', 'stun', 'openssl'];
const possible = [canMakeNamespaces(), ...programs.map(requirePeer)].every(Boolean);
const lossy = '5 % loss';
const SETUP_MS = 120_000;
const RUN_MS = 240_000;

// All at once, as far as the lab lets them: a diagnosis waits for most of its time.
describe.skipIf(!possible)('a diagnosis of real NATs', { concurrent: true, timeout: RUN_MS }, () => {
  let run: LabRun;
  let runs: Map<string, Promise<DiagnoseRun>>;
  let repeated: Promise<readonly DiagnoseRun[]>;
  let oracles: Map<string, ReturnType<LabRun['askOracles']>>;
  const asked = ['own', 'coturn', 'plain'] as const;
  const key = (kind: string, of: string) => `${kind}, ${of}`;

  beforeAll(async () => {
    run = await LabRun.start(labKinds);
    // Started here, not by the tests, of which only a few are under way at a time.
    runs = new Map(
      run.homes.flatMap((home) => asked.map((of) => [key(home.kind.name, of), run.diagnose(home, of)] as const)),
    );
    const lossyHome = run.homes.find(({ kind }) => kind.name === lossy)!;
    repeated = Promise.all(Array.from({ length: 10 }, () => run.diagnose(lossyHome)));
    oracles = new Map(
      run.homes.filter(({ kind }) => kind.name !== lossy).map((home) => [home.kind.name, run.askOracles(home)]),
    );
    // Whoever awaits them hears of failures.
    for (const one of [...runs.values(), repeated, ...oracles.values()]) one.catch(() => {});
  }, SETUP_MS);
  afterAll(async () => {
    await Promise.allSettled([...(runs?.values() ?? []), repeated, ...(oracles?.values() ?? [])]);
    await run?.stop();
  }, RUN_MS);

  const words = { own: 'with this server', coturn: 'with coturn', plain: 'with servers that only tell addresses' };
  for (const { name } of labKinds) {
    for (const of of asked) {
      it(`${name} ${words[of]}`, async () => {
        const home = run.homes.find(({ kind }) => kind.name === name)!;
        const { exitCode, diagnosis, stderr } = await runs.get(key(name, of))!;
        const expected = expectedReport(home, of, run.servers);
        expect(comparable(digest(diagnosis), home)).toEqual(comparable(expected.report, home));
        expect({ exitCode, stderr }).toEqual({ exitCode: expected.exitCode, stderr: '' });
      });
    }

    // They do not send often enough to get through a loss.
    if (name === lossy) continue;
    it(`${name} as other programs see it`, async () => {
      const home = run.homes.find(({ kind }) => kind.name === name)!;
      const { natDiscovery, stunClient, probe } = await oracles.get(name)!;
      const expected = expectedOracles(home);
      const { seen, ...verdict } = expected.natDiscovery;
      expect(natDiscovery).toMatchObject(verdict);
      // Of two uplinks it may have used one only.
      expect(seen).toEqual(expect.arrayContaining([...natDiscovery.seen]));
      expect(stunClient).toContain(expected.stunClient);
      expect(probe).toEqual(expected.probe);
    });
  }

  it('comes to the same in ten runs with 5 % loss', async () => {
    const home = run.homes.find(({ kind }) => kind.name === lossy)!;
    const expected = expectedReport(home, 'own', run.servers);
    const { relay, peers, ipv4 } = expected.report;
    for (const { exitCode, diagnosis } of await repeated) {
      const report = digest(diagnosis);
      expect({ exitCode, relay: report.relay, peers: report.peers, ipv4: report.ipv4 }).toEqual({
        exitCode: expected.exitCode,
        relay,
        peers,
        ipv4,
      });
    }
  });
});
