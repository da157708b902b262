import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ClientTransport } from '../../src/client/open-socket.ts';
import { examineSecurity } from '../../src/security/examine.ts';
import type { SecurityFinding } from '../../src/security/report.ts';
import { systemHostAddresses } from '../../src/security/system/host-addresses.ts';
import { systemSecurity } from '../../src/security/system/system-security.ts';
import { securityTargets } from '../../src/security/targets.ts';
import { IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { coturnUser, startCoturn } from './coturn.ts';
import { inside } from './inside-namespace.ts';
import { canMakeNamespaces, NetworkNamespace, SeparateNetworks } from './network-namespaces.ts';
import { type NodeTurn, startNodeTurn } from './node-turn.ts';
import { requirePeer } from './peers.ts';
import { alice, type Credentials } from './relay-client.ts';
import { Taciturn } from './taciturn.ts';

const withCoturn = requirePeer('turnserver');
const withNamespaces = canMakeNamespaces();
const tcp: ClientTransport = { kind: 'tcp' };

const at = (ip: string, port: number): TransportAddress => ({ ip: IpAddress.parse(ip)!, port });

/** Examines a server; peers are the loopback addresses of this host, or all of its addresses with `everywhere`. */
async function examine(
  server: TransportAddress,
  credentials: Credentials,
  { transport = { kind: 'udp' }, everywhere = false }: { transport?: ClientTransport; everywhere?: boolean } = {},
) {
  const addresses = systemHostAddresses().filter(({ ip }) => everywhere || /^(127\.|::1$)/.test(ip.text));
  const targets = securityTargets(addresses);
  if (!targets.ok) throw new Error(targets.error.message);
  const { safe, findings } = await examineSecurity(
    systemSecurity({ server, transport, credentials, targets: targets.value }),
  );
  return { safe, findings, unsafe: unsafe(findings) };
}

/** What is unsafe, in short: the target or subject, and the code of the advice. */
function unsafe(findings: readonly SecurityFinding[]): string[] {
  return findings
    .filter(({ state }) => state === 'unsafe')
    .map(({ subject, facts, advice }) => `${String(facts.target ?? subject)} ${advice!.code}`);
}

function about(findings: readonly SecurityFinding[], target: string): SecurityFinding | undefined {
  return findings.find(({ facts }) => facts.target === target);
}

// None of the three changes the network namespace of this process: they run side by side.
describe.concurrent('the security of taciturn', () => {
  describe('as it comes', () => {
    let daemon: Taciturn;
    const server = () => at('127.0.0.1', daemon.port);

    beforeAll(async () => {
      daemon = await Taciturn.start();
    });

    afterAll(async () => {
      const left = await daemon?.metric('taciturn_allocations');
      await daemon?.stop();
      expect(left).toBe(0);
    });

    it.each([['udp'], ['tcp']] as const)('has nothing unsafe over %s', async (kind) => {
      const { unsafe, findings } = await examine(server(), alice, { transport: { kind }, everywhere: true });
      expect(unsafe).toEqual([]);
      // A machine with many bridges has addresses that are left out.
      const untested = findings.filter(({ state, advice }) => state === 'not-tested' && advice?.code !== 'left_out');
      expect(untested.map(({ subject }) => subject)).toEqual(kind === 'udp' ? ['forbidden-tcp-peer'] : []);
    });

    it('is reached through IPv6 alike', async () => {
      expect((await examine(at('::1', daemon.port), alice)).unsafe).toEqual([]);
    });

    it('is not called safe with a wrong password', async () => {
      const { findings } = await examine(server(), { ...alice, password: 'wrong' });
      expect(about(findings, '127.0.0.1')).toMatchObject({ state: 'not-tested', advice: { code: 'not_tried' } });
    });
  });

  it('is broken by relay.peers.allow', async ({ onTestFinished }) => {
    const daemon = await Taciturn.start('relay: { peers: { allow: [127.0.0.0/8, "::1"] } }');
    onTestFinished(() => daemon.stop());
    const server = at('127.0.0.1', daemon.port);
    const both = ['127.0.0.1 relays_to_loopback', '::1 relays_to_loopback'];
    const [overUdp, overTcp] = await Promise.all([
      examine(server, alice),
      examine(server, alice, { transport: { kind: 'tcp' } }),
    ]);
    expect(overUdp.unsafe).toEqual(both);
    expect(overTcp.unsafe).toEqual([...both, ...both]);
    const { facts } = overTcp.findings.findLast(({ subject }) => subject === 'forbidden-tcp-peer')!;
    expect(facts.attempts).toMatchObject([{ arrivedBy: ['connection'] }, {}]);
  });
});

describe.skipIf(!withCoturn).concurrent('the security of coturn', () => {
  it('lets nobody reach loopback as it comes', async ({ onTestFinished }) => {
    const coturn = await startCoturn({ streams: {} });
    onTestFinished(coturn.stop);
    expect((await examine(coturn.address, coturnUser)).unsafe).toEqual([]);
    expect((await examine(coturn.address, coturnUser, { transport: tcp })).unsafe).toEqual([]);
  });

  it('is broken by --allow-loopback-peers', async ({ onTestFinished }) => {
    const coturn = await startCoturn({ streams: {}, args: ['--allow-loopback-peers'] });
    onTestFinished(coturn.stop);
    const { unsafe, findings } = await examine(coturn.address, coturnUser);
    expect(unsafe[0]).toBe('127.0.0.1 relays_to_loopback');
    expect(about(findings, '127.0.0.1')!.advice!.fix).toContain('leave allow-loopback-peers out');
    const overTcp = await examine(coturn.address, coturnUser, { transport: tcp });
    expect(overTcp.unsafe.filter((text) => text === '127.0.0.1 relays_to_loopback')).toHaveLength(2);
  });

  it('is broken by --no-auth', async ({ onTestFinished }) => {
    const coturn = await startCoturn({ authentication: ['--no-auth'] });
    onTestFinished(coturn.stop);
    expect((await examine(coturn.address, coturnUser)).unsafe).toEqual(['anonymous-relay open_relay']);
  });
});

describe.skipIf(!requirePeer('npm:node-turn')).concurrent('the security of node-turn', () => {
  let nodeTurn: NodeTurn;
  let port: number;

  beforeAll(async () => {
    nodeTurn = await startNodeTurn();
    port = nodeTurn.port;
  });

  afterAll(() => nodeTurn?.stop());

  it('has the holes that are known of it', async () => {
    const { unsafe } = await examine(at('127.0.0.1', port), { username: 'user', password: 'pass' });
    expect(unsafe).toEqual(
      expect.arrayContaining([
        'anonymous-relay inherited_user',
        '127.0.0.1 relays_to_loopback',
        'amplification answers_to_no_request',
      ]),
    );
  });
});

describe.skipIf(!withNamespaces)('on a machine with a private network and a metadata address', () => {
  let machine: NetworkNamespace;
  const own = '10.9.9.1';
  const metadata = '169.254.169.254';

  beforeAll(() => {
    machine = new NetworkNamespace();
    for (const address of [own, metadata]) machine.ip('address', 'add', `${address}/32`, 'dev', 'lo');
  });

  afterAll(() => machine?.remove());

  it.skipIf(!withCoturn)(
    'taciturn keeps clients away from both, coturn does not, until it is told to',
    async ({ onTestFinished }) => {
      const fixes = ['--denied-peer-ip=10.0.0.0-10.255.255.255', `--denied-peer-ip=${metadata}`];
      const [daemon, coturn, mended] = await Promise.all([
        Taciturn.start('', { listen: [own], prefix: machine.prefix }),
        startCoturn({ host: own, namespace: machine }),
        // The last port that coturn is given counts.
        startCoturn({ host: own, namespace: machine, args: [...fixes, '-p', '3479'] }),
      ]);
      onTestFinished(async () => {
        await Promise.all([daemon.stop(), coturn.stop(), mended.stop()]);
      });
      const [ours, theirs, asAdvised] = await inside(machine, () =>
        Promise.all([
          examine(at(own, daemon.port), alice, { everywhere: true }),
          examine(coturn.address, coturnUser, { everywhere: true }),
          examine(at(own, 3479), coturnUser, { everywhere: true }),
        ]),
      );
      expect(ours.unsafe).toEqual([]);
      expect(about(ours.findings, metadata)).toMatchObject({ state: 'safe', detail: `${metadata}: refused (403)` });
      expect(about(ours.findings, own)).toMatchObject({
        state: 'safe',
        detail: `${own}: only the relays there are reached`,
      });
      expect(theirs.unsafe).toEqual([
        `${own} relays_to_private`,
        `${metadata} relays_to_metadata`,
        `${own}:3478 relays_to_private`,
      ]);
      expect(about(theirs.findings, metadata)!.advice!.cause).toContain(
        'can ask the cloud for the keys and secrets of the server',
      );
      expect(asAdvised.unsafe).toEqual([]);
    },
  );
});

describe.skipIf(!withNamespaces || !withCoturn)('from a host that is not the server', () => {
  let networks: SeparateNetworks;

  beforeAll(async () => {
    networks = new SeparateNetworks();
    // The kernel needs a moment to find that the cable is plugged in at the other end as well.
    const own = () => systemHostAddresses().map(({ ip }) => ip.text);
    await inside(networks.caller, () => vi.waitFor(() => expect(own()).toContain('10.77.1.2'), { timeout: 5000 }));
  });

  afterAll(() => networks?.remove());

  it('coturn that permits loopback is unsafe, though its loopback is not ours', async ({ onTestFinished }) => {
    const coturn = await startCoturn({
      host: networks.serverAddress,
      namespace: networks.server,
      args: ['--allow-loopback-peers'],
    });
    onTestFinished(coturn.stop);
    const { unsafe, findings } = await inside(networks.caller, () =>
      examine(coturn.address, coturnUser, { everywhere: true }),
    );
    expect(unsafe).toEqual(expect.arrayContaining(['127.0.0.1 permits_loopback', '10.77.1.2 relays_to_private']));
    expect(about(findings, '127.0.0.1')!.facts).toMatchObject({ arrived: false, sameHost: false });
  });

  it('coturn that relays to a network without a way to this host is not called safe', async ({ onTestFinished }) => {
    const coturn = await startCoturn({ host: networks.serverAddress, namespace: networks.server });
    onTestFinished(coturn.stop);
    const unroutable = '172.30.0.7';
    networks.caller.ip('address', 'add', `${unroutable}/32`, 'dev', 'lo');
    const { findings } = await inside(networks.caller, () => examine(coturn.address, coturnUser, { everywhere: true }));
    expect(about(findings, unroutable)).toMatchObject({ state: 'not-tested', advice: { code: 'cannot_tell' } });
  });
});
