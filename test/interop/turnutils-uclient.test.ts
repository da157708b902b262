import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DaemonProcess } from './daemon-process.ts';
import { RunningProgram, requirePeer, run } from './peers.ts';
import { Taciturn } from './taciturn.ts';
import { EchoPeer, losesNothing, sentMessages, uclient, uclientArguments } from './uclient.ts';

const installed = ['turnutils_uclient', 'turnutils_peer', 'turnutils_stunclient'].map(requirePeer).every(Boolean);

const onePeerAllowed = 'rfc5766Channels: true, peers: { allow: [127.0.0.1] }';

describe.skipIf(!installed).concurrent("coturn's client", { timeout: 120_000 }, () => {
  let peer: EchoPeer;
  /** Allows the echo server as a peer. */
  let open: Taciturn;
  /** Allows nothing beside the defaults: clients reach each other through their own relayed addresses. */
  let closed: Taciturn;

  beforeAll(async () => {
    [peer, open, closed] = await Promise.all([
      EchoPeer.start(),
      Taciturn.start(`relay: { ${onePeerAllowed} }`),
      Taciturn.start('relay: { rfc5766Channels: true }'),
    ]);
  });

  afterAll(() => Promise.all([peer?.stop(), open?.stop(), closed?.stop()]));

  it.each([
    ['over channels', []],
    ['in Send indications', ['-s']],
    ['without a second session for RTCP', ['-c']],
    ['with DONT-FRAGMENT', ['-g']],
    ['with DONT-FRAGMENT in Send indications', ['-s', '-g']],
  ] as const)('loses nothing to a peer and back %s %j', async (_what, flags) => {
    const { sent } = await losesNothing(open, [...flags, ...peer.flags]);
    expect(sent).toBe(sentMessages);
  });

  it.each([
    ['IPv4 relays', ['-y'], '127.0.0.1'],
    ['IPv6 relays', ['-x', '-y'], '127.0.0.1'],
    ['IPv6 relays over IPv6', ['-x', '-y'], '::1'],
    ['dual allocations', ['-Z', '-y'], '127.0.0.1'],
  ] as const)('loses nothing from client to client through %s %j %s', async (_what, flags, host) => {
    const { sent } = await losesNothing(closed, flags, host);
    // Without -Z it rounds the sessions up to a multiple of four.
    expect(sent).toBe(flags.some((flag) => flag === '-Z') ? sentMessages : 200 * 12);
  });

  it('asks for permissions of the wrong family with -G, is refused with 443, and loses nothing', async () => {
    const { sent, text } = await losesNothing(open, ['-G', ...peer.flags]);
    expect(sent).toBe(sentMessages);
    expect(text).toContain('443');
  });

  it('has all packets relayed before it disconnects at random with -B', async ({ onTestFinished }) => {
    const own = await Taciturn.start(`relay: { ${onePeerAllowed} }`);
    onTestFinished(() => own.stop());
    const { sent, lost } = await uclient(own, ['-B', ...peer.flags, '-z', '20']);
    // When more than five packets are due in one tick it sends them and closes its sockets in the same breath, so that
    // it never reads their echoes. Those are all that may be missing, and the server must have relayed them.
    if (sent === sentMessages) expect(lost).toBe(0);
    for (const direction of ['from_client', 'to_client']) {
      expect(await own.metric('taciturn_relayed_packets_total', direction)).toBe(sent);
    }
    expect(await own.drops()).toEqual({});
  });
});

/** Runs a client that may never come to an end by itself, and stops it after half a minute. */
async function endsOrIsStopped(daemon: Taciturn, flags: readonly string[]): Promise<void> {
  const program = new RunningProgram('turnutils_uclient', uclientArguments(daemon, flags));
  const timer = setTimeout(() => void program.stop(), 30_000);
  await program.exited;
  clearTimeout(timer);
}

describe.skipIf(!installed).concurrent("coturn's misbehaving clients", { timeout: 180_000 }, () => {
  it('leave nothing behind, and an honest one still loses nothing', async ({ expect, onTestFinished }) => {
    const [peer, daemon] = await Promise.all([
      EchoPeer.start(),
      // A run takes about ten seconds and refreshes only at its start, so that this is as short as a lifetime may be.
      Taciturn.start(`relay: { ${onePeerAllowed}, lifetime: { default: 20s, max: 20s } }`),
    ]);
    onTestFinished(async () => {
      await Promise.all([peer.stop(), daemon.stop()]);
    });
    const process = DaemonProcess.find(daemon.directory);

    // Wrong requests on purpose; connecting and leaving at once; random bytes in one message of ten.
    await Promise.all(['-N', '-O', '-R'].map((flag) => endsOrIsStopped(daemon, [flag, ...peer.flags])));
    expect(process.alive).toBe(true);
    expect((await losesNothing(daemon, peer.flags)).sent).toBe(sentMessages);

    for (const gauge of ['taciturn_allocations', 'taciturn_relayed_addresses', 'taciturn_users']) {
      await expect.poll(() => daemon.metric(gauge), { timeout: 60_000, interval: 250 }).toBe(0);
    }
    expect(process.udpPorts).toEqual([daemon.port, daemon.port]);
    expect(daemon.log.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe.skipIf(!installed)("coturn's STUN client", () => {
  let daemon: Taciturn;
  beforeAll(async () => {
    daemon = await Taciturn.start();
  });
  afterAll(() => daemon?.stop());

  it.each([
    ['127.0.0.1', 'IPv4', '127.0.0.1'],
    ['::1', 'IPv6', '::1'],
  ])('learns its address at %s', async (server, family, own) => {
    const { stdout, stderr } = await run('turnutils_stunclient', ['-p', String(daemon.port), server]);
    expect(stdout + stderr).toMatch(new RegExp(`${family}\\. UDP reflexive addr: ${own}:\\d+`));
  });
});
