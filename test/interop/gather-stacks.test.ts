import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Home } from '../nat-lab/home.ts';
import { furtherKinds, natKinds } from '../nat-lab/nat-kinds.ts';
import { NatLab } from '../nat-lab/nat-lab.ts';
import { CertificateAuthority } from './certificates.ts';
import { type Coturn, coturnUser, startCoturn } from './coturn.ts';
import { GatheringBrowser } from './gather/chromium.ts';
import { recordedSilence } from './gather/recorded-silence.ts';
import {
  comparable,
  type GatheredBy,
  type OwnGathering,
  type RtcConfiguration,
  stackGathers,
  taciturnGathers,
} from './gather/stacks.ts';
import { canMakeNamespaces } from './network-namespaces.ts';
import { RunningProgram, requirePeer } from './peers.ts';
import { launcher, Taciturn } from './taciturn.ts';

const possible = [
  canMakeNamespaces(),
  ...['nft', 'turnserver', 'openssl', 'chromium', 'certutil'].map(requirePeer),
  ...['playwright-core', '@roamhq/wrtc', 'werift'].map((name) => requirePeer(`npm:${name}`)),
].every(Boolean);

const [own, theirs] = NatLab.servers;
const [ipv4, ipv6] = [own.ipv4[0], own.ipv6[0]];
const kind = furtherKinds.find(({ name }) => name === 'IPv6 with a firewall')!;
const deadServer = '203.0.113.99';
/** What Chromium says of servers that are silent takes it 40 s; with this set it is asked, and else the recording counts. */
const asksAboutSilence = process.env.PATIENT_BROWSER === '1';
const gained = ['srflx', 'relay'];

describe.skipIf(!possible)('behind a NAT, with IPv6 beside it, taciturn gather finds what others find', () => {
  let lab: NatLab;
  let home: Home;
  let strictHome: Home;
  let authority: CertificateAuthority;
  let daemon: Taciturn;
  let coturn: Coturn;
  let browser: GatheringBrowser;
  let user: { readonly username: string; readonly credential: string };
  let stacks: Record<'named' | 'plain' | 'relayOnly' | 'wrtc', GatheredBy>;
  // These take longest, and wait for most of their time.
  let chromiumErrors: Promise<GatheredBy>;
  let ownErrors: Promise<OwnGathering>;
  let ownOfEverything: OwnGathering;

  beforeAll(async () => {
    lab = new NatLab();
    // Nobody is there, and nobody says so.
    lab.internet.ip('route', 'add', 'blackhole', `${deadServer}/32`);
    home = lab.addHome(kind);
    strictHome = lab.addHome(natKinds.find(({ name }) => name === 'a symmetric NAT')!);
    authority = new CertificateAuthority();
    const certificate = authority.issue({ names: [...own.ipv4, ...own.ipv6, ...theirs.ipv4].map((ip) => `IP:${ip}`) });
    const { certFile, keyFile } = certificate;
    [daemon, coturn, browser] = await Promise.all([
      Taciturn.start(`tls: { certificateFile: ${certFile}, keyFile: ${keyFile} }`, {
        listen: [ipv4, ipv6],
        prefix: [...lab.internet.prefix, 'env', 'TACITURN_LISTEN__PORT=3478'],
      }),
      startCoturn({ namespace: lab.internet, host: theirs.ipv4[0], streams: { certificate } }),
      GatheringBrowser.start(home.client, authority.caFile),
    ]);
    const { username, credential } = await daemon.issueCredential({ user: 'gather' });
    user = { username, credential };
    chromiumErrors = chromiumFails();
    ownErrors = ours(broken());
    for (const errors of [chromiumErrors, ownErrors]) errors.catch(() => {});
    // It refuses TLS to servers of a test authority, which it cannot be told of.
    const withoutTls = { iceServers: everything().iceServers.slice(0, 2) };
    const [all, wrtc, [named, plain, relayOnly]] = await Promise.all([
      ours(everything()),
      stackGathers('roamhq-wrtc.js', home.client, withoutTls, authority.caFile),
      chromiumGathers(),
    ]);
    stacks = { named, plain, relayOnly, wrtc };
    ownOfEverything = all;
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await Promise.all([daemon?.stop(), coturn?.stop()]);
    lab?.remove();
    authority?.remove();
  });

  const ownServer = (...urls: readonly string[]) => ({ urls, ...user });
  const coturnServer = (...urls: readonly string[]) => ({
    urls,
    username: coturnUser.username,
    credential: coturnUser.password,
  });
  const everything = (): RtcConfiguration => ({
    iceServers: [
      { urls: `stun:${ipv4}:3478` },
      ownServer(`turn:${ipv4}:3478`, `turn:[${ipv6}]:3478`, `turn:${ipv4}:3478?transport=tcp`),
      ownServer(`turns:${ipv4}:5349?transport=tcp`),
      coturnServer(`${coturn.url}?transport=udp`, `${coturn.url}?transport=tcp`, coturn.secureUrl),
    ],
  });
  const silent = () => [{ urls: `stun:${deadServer}:3478` }, ownServer(`turn:${deadServer}:3478?transport=udp`)];
  const refusing = () => [
    { urls: `turn:${ipv4}:3478?transport=udp`, username: user.username, credential: 'wrong' },
    { urls: 'stun:nowhere.invalid:3478' },
    ownServer('turn:nowhere.invalid:3478?transport=udp'),
    ownServer(`turn:${ipv4}:3999?transport=tcp`),
  ];
  const broken = (): RtcConfiguration => ({ iceServers: [...silent(), ...refusing()] });
  /** As long as there is a silent server, a browser is not done: the others are asked by themselves. */
  const chromiumFails = async (): Promise<GatheredBy> => {
    const { candidates, errors } = await browser.gatherErrors({ iceServers: refusing() }, refusing().length);
    const recorded = recordedSilence(deadServer);
    if (!asksAboutSilence) return { candidates, errors: [...errors, ...recorded] };
    const asked = (await browser.gatherErrors({ iceServers: silent() }, silent().length)).errors;
    expect(distinct(asked)).toEqual(distinct(recorded));
    return { candidates, errors: [...errors, ...asked] };
  };
  const ours = (configuration: RtcConfiguration, ...flags: readonly string[]) =>
    taciturnGathers(home.client, configuration, authority.caFile, flags);
  const chromiumGathers = async () => {
    const named = await browser.gather(everything());
    await browser.allowCamera();
    const plain = await browser.gather(everything());
    return [named, plain, await browser.gather({ ...everything(), iceTransportPolicy: 'relay' })] as const;
  };

  it('as Chromium does, over UDP, TCP and TLS, from our server and from coturn', () => {
    const { candidates, code } = ownOfEverything;
    expect(code).toBe(0);
    expect(comparable(candidates, gained)).toEqual(comparable(stacks.plain.candidates, gained));
    expect(comparable(candidates, gained)).toEqual([
      { type: 'relay', protocol: 'udp', address: ipv4, related: '198.51.100.2' },
      { type: 'relay', protocol: 'udp', address: ipv4, related: '2001:db8:1:1::2' },
      { type: 'relay', protocol: 'udp', address: theirs.ipv4[0], related: '198.51.100.2' },
      { type: 'srflx', protocol: 'udp', address: home.seenAddress, related: home.clientAddress },
    ]);
    expect(candidates.filter((text) => text.includes(' typ relay '))).toHaveLength(
      stacks.plain.candidates.filter((text) => text.includes(' typ relay ')).length,
    );
  });

  it('with the same host candidates; Chromium connects over TCP only, libwebrtc elsewhere waits', () => {
    const { candidates } = ownOfEverything;
    const found = comparable(candidates, ['host']);
    expect(found.filter(({ tcpType }) => tcpType !== 'passive')).toEqual(comparable(stacks.plain.candidates, ['host']));
    const beyond = ({ address }: { readonly address: string }) => address !== '127.0.0.1' && address !== '::1';
    expect(found.filter(({ tcpType }) => tcpType !== 'active')).toEqual(
      comparable(stacks.wrtc.candidates, ['host']).filter(beyond),
    );
  });

  it('with names in place of addresses, as Chromium shows them before it may use the camera', async () => {
    const { candidates } = await ours(everything(), '--mdns');
    const all = ['host', 'srflx', 'relay'];
    const withoutTcpHosts = comparable(candidates, all).filter(({ tcpType }) => tcpType === undefined);
    expect(withoutTcpHosts).toEqual(
      comparable(stacks.named.candidates, all).filter(({ tcpType }) => tcpType === undefined),
    );
    expect(candidates.join()).not.toMatch(/192\.168\./);
  });

  it('with relays only, whose related addresses are hidden', async () => {
    const { candidates } = await ours(everything(), '--policy', 'relay');
    const all = ['host', 'srflx', 'relay'];
    expect(comparable(candidates, all)).toEqual(comparable(stacks.relayOnly.candidates, all));
    expect(candidates.every((text) => / raddr (0\.0\.0\.0|::) rport 0$/.test(text))).toBe(true);
  });

  it('as @roamhq/wrtc does', async () => {
    const { candidates } = await ours({ iceServers: everything().iceServers.slice(0, 2) });
    expect(comparable(candidates, gained)).toEqual(comparable(stacks.wrtc.candidates, gained));
  });

  it('as werift does, which takes one STUN and one TURN server', async () => {
    const urls = [`turn:${ipv4}:3478`, `turn:${ipv4}:3478?transport=tcp`, `turns:${ipv4}:5349?transport=tcp`];
    await Promise.all(
      urls.map(async (url) => {
        const configuration = { iceServers: [{ urls: `stun:${ipv4}:3478` }, { urls: url, ...user }] };
        const [{ candidates }, werift] = await Promise.all([
          ours(configuration),
          stackGathers('werift.js', home.client, configuration, authority.caFile),
        ]);
        expect(comparable(candidates, gained), url).toEqual(comparable(werift.candidates, gained));
      }),
    );
  });

  it('and points out a symmetric NAT', async () => {
    const stun = [`stun:${ipv4}:3478`, `stun:${theirs.ipv4[0]}:3478`];
    const { errors, flags } = await taciturnGathers(
      strictHome.client,
      { iceServers: [{ urls: stun }] },
      authority.caFile,
    );
    expect(errors).toEqual([]);
    expect(flags).toMatchObject([{ code: 'symmetric_nat' }]);
  });

  it('and fails as Chromium does, with the cause', { timeout: 90_000 }, async () => {
    const { errors, servers, code } = await ownErrors;
    expect(code).toBe(2);
    expect(servers.every(({ status }) => status === 'failed')).toBe(true);
    expect(distinct(errors)).toEqual(distinct((await chromiumErrors).errors));
    const causes = Object.fromEntries(errors.map(({ url, problem }) => [url, problem.code]));
    expect(causes).toEqual({
      [`stun:${deadServer}:3478`]: 'no_answer',
      [`turn:${deadServer}:3478?transport=udp`]: 'no_answer',
      [`turn:${ipv4}:3478?transport=udp`]: 'wrong_credentials',
      'stun:nowhere.invalid:3478': expect.stringMatching(/^(name_not_found|dns_)/),
      'turn:nowhere.invalid:3478?transport=udp': expect.stringMatching(/^(name_not_found|dns_)/),
      [`turn:${ipv4}:3999?transport=tcp`]: 'refused',
    });
  });

  it('and gives its relays back when it is interrupted', async () => {
    const [command, ...args] = [...home.client.prefix, process.execPath, launcher];
    const configuration = JSON.stringify({ iceServers: [ownServer(`turn:${ipv4}:3478`), ...silent()] });
    // Not every stack gives its own back.
    const before = await daemon.metric('taciturn_allocations');
    const gathering = new RunningProgram(command!, [...args, 'gather', '--ice-servers', '-'], { input: configuration });
    await gathering.waitFor(/^relay /m);
    expect(await daemon.metric('taciturn_allocations')).toBeGreaterThan(before);
    await gathering.stop('SIGINT');
    expect(await gathering.exited).toBe(130);
    expect(await daemon.metric('taciturn_allocations')).toBe(before);
  });
});

/** The URLs with their errors, each once. */
function distinct(all: GatheredBy['errors']): string[] {
  const inWords = (text: string) => text.replace(/^Unauth\w+\.?$/, 'Unauthorized');
  return [...new Set(all.map(({ url, errorCode, errorText }) => `${url} ${errorCode} ${inWords(errorText)}`))].sort();
}
