/** What `taciturn check` says about servers that are set up wrongly: each with the arguments that its operator might have given. */
import { readFileSync, writeFileSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { systemClock } from '../../src/client/clock.ts';
import { resolveHost } from '../../src/client/host-resolution.ts';
import { parseIceUrl } from '../../src/client/ice-url.ts';
import { connectTcp } from '../../src/client/tcp-connection.ts';
import { openUdpSocket } from '../../src/client/udp-socket.ts';
import { timeLimitedPassword } from '../../src/credentials/time-limited-username.ts';
import { Ladder, type LadderCredentials } from '../../src/ladder/ladder.ts';
import type { LadderReport } from '../../src/ladder/rung.ts';
import { IpAddress } from '../../src/stun/ip-address.ts';
import { CertificateAuthority, type CertificateWishes } from './certificates.ts';
import { type Coturn, type CoturnOptions, coturnUser, startCoturn } from './coturn.ts';
import { type NodeTurn, startNodeTurn } from './node-turn.ts';
import { requirePeer } from './peers.ts';
import { sharedSecret, Taciturn } from './taciturn.ts';

const withCoturn = requirePeer('turnserver') && requirePeer('openssl');
const loopback = '--allow-loopback-peers';
const secretOf = (secret: string) => ['--use-auth-secret', '--static-auth-secret', secret];

let authority: CertificateAuthority;
beforeAll(() => {
  authority = new CertificateAuthority();
});
afterAll(() => authority.remove());

type Environment = Readonly<Record<string, string>>;

async function check(url: string, environment: Environment, ...more: readonly string[]): Promise<LadderReport> {
  let stdout = '';
  const sink = (keep: boolean) =>
    new Writable({
      write(chunk, _encoding, done) {
        if (keep) stdout += String(chunk);
        done();
      },
    });
  const streams = { stdin: Readable.from(['']), stdout: sink(true), stderr: sink(false) };
  await main(['check', url, '--no-quality', '--json', ...more], environment, streams);
  return JSON.parse(stdout) as LadderReport;
}

/** Everything that was said, the problem last. */
function said({ rungs }: LadderReport) {
  return rungs.flatMap(({ warnings, problem }) => [...warnings, ...(problem ? [problem] : [])]);
}

interface Misconfiguration {
  readonly what: string;
  readonly coturn: CoturnOptions;
  /** Ways to name the server other than `turn:` over UDP. */
  readonly url?: (coturn: Coturn) => string;
  readonly certificate?: CertificateWishes;
  readonly environment?: Environment;
  readonly flags?: readonly string[];
  readonly passes?: true;
  readonly code: string;
  readonly says: RegExp;
}

const password = { TACITURN_PASSWORD: coturnUser.password };
const asUser = ['--username', coturnUser.username];
const secure = ({ secureUrl }: Coturn) => secureUrl;
const overTcp = ({ url }: Coturn) => `${url}?transport=tcp`;

const misconfigurations: readonly Misconfiguration[] = [
  {
    what: 'a wrong external address',
    coturn: { args: [loopback, '--external-ip', '203.0.113.9'] },
    code: 'relay_silent',
    says: /at 203\.0\.113\.9, and the server answers at 127\.0\.0\.1: the first may be wrong/,
  },
  {
    what: 'a range of one relay port',
    coturn: { args: [loopback, '--min-port', '50001', '--max-port', '50001'] },
    code: 'insufficient_capacity',
    says: /room for one allocation.*Widen its port range/,
  },
  { what: 'no loopback peers', coturn: {}, code: 'peer_forbidden', says: /allow-loopback-peers/ },
  {
    what: 'its own relays among the denied peers',
    coturn: { args: [loopback, '--denied-peer-ip', '127.0.0.0-127.255.255.255'] },
    code: 'peer_forbidden',
    says: /two clients of this server could not meet/,
  },
  {
    what: 'a quota of one for each user',
    coturn: { args: [loopback, '--user-quota', '1'] },
    code: 'quota_reached',
    says: /needs two at once/,
  },
  {
    what: 'a quota of one in all',
    coturn: { args: [loopback, '--total-quota', '1'] },
    code: 'quota_reached',
    says: /user-quota and total-quota/,
  },
  {
    what: 'less bandwidth than anybody needs',
    coturn: { args: [loopback, '--max-bps', '10'] },
    code: 'no_answer',
    says: /asks for credentials, and does not answer .*max-bps/,
  },
  {
    what: 'no authentication',
    coturn: { authentication: ['--no-auth'], args: [loopback] },
    passes: true,
    code: 'open_relay',
    says: /relays for anybody/,
  },
  {
    what: 'another secret',
    coturn: { authentication: secretOf('the right one'), args: [loopback] },
    environment: { TACITURN_SECRET: 'the wrong one' },
    flags: [],
    code: 'wrong_secret',
    says: /its secret is another one/,
  },
  {
    what: 'a secret that was copied with quotation marks',
    coturn: { authentication: secretOf('the right one'), args: [loopback] },
    environment: { TACITURN_SECRET: '"the right one"' },
    flags: [],
    code: 'odd_credentials',
    says: /The secret is in quotation marks/,
  },
  {
    what: 'keys that were made for another realm',
    // MD5 of user:elsewhere.example:pass
    coturn: { authentication: ['--lt-cred-mech', '-u', 'user:0x23af40dec2932c29f16183fa21fde4d3'], args: [loopback] },
    code: 'wrong_credentials',
    says: /good for one realm only/,
  },
  {
    what: 'a username that has expired',
    coturn: { authentication: secretOf('a secret'), args: [loopback] },
    flags: ['--username', '1266890800:bob'],
    code: 'credentials_expired',
    says: /expired at 2010-02-23T02:06:40Z/,
  },
  {
    what: 'a username that it finds suspicious',
    coturn: { args: [loopback] },
    flags: ['--username', 'o"user'],
    code: 'odd_credentials',
    says: /a blank, a quotation mark or a backslash/,
  },
  {
    what: 'STUN only',
    coturn: { args: ['--stun-only'] },
    code: 'no_answer',
    says: /Binding but not Allocate.*stun-only/,
  },
  {
    what: 'no STUN',
    coturn: { args: [loopback, '--no-stun'] },
    passes: true,
    code: 'binding_unanswered',
    says: /no-stun/,
  },
  {
    what: 'credentials needed for STUN',
    coturn: { args: [loopback, '--secure-stun'] },
    passes: true,
    code: 'binding_needs_credentials',
    says: /secure-stun/,
  },
  {
    what: 'no UDP relays',
    coturn: { args: [loopback, '--no-udp-relay'] },
    code: 'transport_not_supported',
    says: /no-udp-relay/,
  },
  { what: 'an empty realm', coturn: { args: [loopback, '-r', ''] }, passes: true, code: 'empty_realm', says: /realm/ },
  {
    what: 'nonces good for a second',
    coturn: { args: [loopback, '--stale-nonce=1', '--mobility'] },
    passes: true,
    code: 'relayed_address_loopback',
    says: /relay-ip in coturn/,
  },
  {
    what: 'an alternate server that does not run',
    coturn: { args: [loopback, '--alternate-server', '127.0.0.1:9'] },
    code: 'alternate_unreachable',
    says: /127\.0\.0\.1:9 \(300\), where nothing answers/,
  },
  {
    what: 'no TCP',
    coturn: { args: [loopback] },
    url: overTcp,
    code: 'refused',
    says: /over TCP.*try turn:127\.0\.0\.1:\d+/,
  },
  {
    what: 'no TLS',
    coturn: { streams: {}, args: [loopback] },
    url: ({ url }) => url.replace('turn:', 'turns:'),
    code: 'plain_expected',
    says: /without TLS/,
  },
  {
    what: 'a certificate that has expired',
    coturn: {},
    certificate: { days: -1 },
    url: secure,
    code: 'certificate_expired',
    says: /Renew it/,
  },
  {
    what: 'a certificate for another name',
    coturn: {},
    certificate: { names: ['DNS:turn.example.org'] },
    url: secure,
    code: 'certificate_wrong_name',
    says: /is for turn\.example\.org, and not for 127\.0\.0\.1/,
  },
  {
    what: 'a certificate of nobody',
    coturn: {},
    certificate: { selfSigned: true },
    url: secure,
    code: 'certificate_self_signed',
    says: /public certificate authority/,
  },
];

describe.skipIf(!withCoturn).concurrent('taciturn check with a coturn that has', () => {
  it.each(misconfigurations)('$what', async (one) => {
    const { coturn: options, certificate, url = ({ url }) => url, passes = false } = one;
    const streams = certificate && { certificate: authority.issue(certificate) };
    const coturn = await startCoturn({ ...options, ...(streams && { streams }) });
    try {
      if (options.streams ?? streams) await untilTcpIsThere(Number(url(coturn).split(':')[2]));
      const trust = certificate ? ['--ca', authority.caFile] : [];
      const report = await check(url(coturn), one.environment ?? password, ...(one.flags ?? asUser), ...trust);
      expect(report.passed).toBe(passes);
      const { code, cause, fix } = said(report).find((advice) => advice.code === one.code) ?? said(report).at(-1)!;
      expect({ code, text: `${cause} ${fix}` }).toEqual({ code: one.code, text: expect.stringMatching(one.says) });
    } finally {
      await coturn.stop();
    }
  });
});

/** coturn says that it is ready before all of its TCP listeners are. */
async function untilTcpIsThere(port: number): Promise<void> {
  const server = { ip: IpAddress.parse('127.0.0.1')!, port };
  for (let attempt = 0; attempt < 100; attempt++) {
    const connection = await connectTcp({ server });
    if (connection.ok) return connection.value.close();
    await setTimeout(50);
  }
}

/** A check by a machine whose clock is behind by so much. */
async function checkWithClock(text: string, behindSeconds: number, secret: string): Promise<LadderReport> {
  const url = parseIceUrl(text);
  if (!url.ok) throw new Error(url.error.reason);
  const unixNow = () => Math.floor(Date.now() / 1000) - behindSeconds;
  const issue = (ttlSeconds: number): LadderCredentials => {
    const username = `${unixNow() + ttlSeconds}:somebody`;
    return { username, password: timeLimitedPassword(secret, username), source: 'shared-secret' };
  };
  const ladder = new Ladder(url.value, issue(600), {
    clock: systemClock,
    unixNow,
    resolveHost,
    openUdp: (server) => openUdpSocket({ family: server.ip.family, connectTo: server }),
    connectTcp: (server, timeoutMs = 5000) => connectTcp({ server, timeoutMs }),
    issueCredentials: issue,
  });
  return ladder.climb();
}

describe.skipIf(!withCoturn)('a clock that is wrong', () => {
  let coturn: Coturn;
  beforeAll(async () => {
    coturn = await startCoturn({ authentication: secretOf('a secret'), args: [loopback] });
  });
  afterAll(async () => {
    await coturn?.stop();
  });

  it.each([
    [3600, 'clock_skew', /good for 10 minutes and takes one for 70 minutes/],
    [10 * 3600, 'clock_skew', /wrong time zone/],
    [30 * 86_400, 'wrong_secret', /another one/],
  ])('by %i seconds', async (behind, code, says) => {
    const problem = said(await checkWithClock(coturn.url, behind, 'a secret')).at(-1)!;
    expect(problem.code).toBe(code);
    expect(problem.cause).toMatch(says);
  });

  it('is not blamed for a wrong secret', async () => {
    expect(said(await checkWithClock(coturn.url, 3600, 'another')).at(-1)).toMatchObject({ code: 'wrong_secret' });
  });
});

describe.skipIf(!withCoturn)('a coturn that sends its clients to another', () => {
  it('is followed there', async ({ onTestFinished }) => {
    const target = await startCoturn({ args: [loopback] });
    onTestFinished(() => target.stop());
    const where = `127.0.0.1:${target.address.port}`;
    const first = await startCoturn({ args: [loopback, '--alternate-server', where] });
    onTestFinished(() => first.stop());
    const report = await check(first.url, password, ...asUser);
    expect(report.passed).toBe(true);
    expect(said(report)[0]).toMatchObject({ code: 'sent_elsewhere', cause: expect.stringContaining(where) });
  });
});

it('our own server with a wrong external address relays for its clients, and nobody else reaches them', async ({
  onTestFinished,
}) => {
  const relay = 'relay: { ipv4: { address: 127.0.0.1, external: 127.0.0.9 }, peers: { allow: [127.0.0.0/8] } }';
  const server = await Taciturn.start(relay, { listen: ['127.0.0.1'] });
  onTestFinished(() => server.stop());
  const report = await check(`turn:127.0.0.1:${server.port}`, { TACITURN_SECRET: sharedSecret });
  expect(report.passed).toBe(true);
  expect(report.rungs.find(({ name }) => name === 'echo')?.facts).toMatchObject({ reachableFromHere: false });
  expect(said(report)).toMatchObject([{ code: 'relayed_address_loopback' }]);
});

describe.skipIf(!requirePeer('npm:node-turn'))('taciturn check with node-turn', () => {
  let nodeTurn: NodeTurn;
  let url: string;
  beforeAll(async () => {
    nodeTurn = await startNodeTurn();
    url = `turn:127.0.0.1:${nodeTurn.port}`;
  });
  afterAll(async () => {
    await nodeTurn?.stop();
  });

  it('finds that its answer to ChannelBind is not signed', async () => {
    const report = await check(url, password, ...asUser);
    expect(report.rungs.at(-1)).toMatchObject({ name: 'channel', problem: { code: 'integrity' } });
  });

  it('finds a wrong password', async () => {
    const report = await check(url, { TACITURN_PASSWORD: 'wrong' }, ...asUser);
    expect(report.rungs.at(-1)).toMatchObject({ name: 'allocate', problem: { code: 'wrong_credentials' } });
  });
});

/** Odd, and nevertheless what the server has. */
const oddPasswords = [
  'trailing ',
  '"quoted"',
  "it's a password",
  'a%41b%2Bcde',
  'this&amp;that',
  'plus+slash/==',
  'with:colon',
  'back\\slash',
  'et voil\u00e0!',
  'no-break\u00a0space',
  'zero\u200bwidth',
  '\ufeffmarked',
  'widewide\uff53',
  'smile\u{1f600}',
];

describe.skipIf(!withCoturn)('odd credentials that are right', () => {
  it('work with coturn', async ({ onTestFinished }) => {
    const users = oddPasswords.flatMap((odd, i) => ['-u', `user${i}:${odd}`]);
    const coturn = await startCoturn({ authentication: ['--lt-cred-mech', ...users], args: [loopback] });
    onTestFinished(() => coturn.stop());
    for (const [i, odd] of oddPasswords.entries()) {
      const report = await check(coturn.url, { TACITURN_PASSWORD: odd }, '--username', `user${i}`);
      expect({ odd, passed: report.passed }).toEqual({ odd, passed: true });
    }
  });
});

describe('odd credentials and our own server', () => {
  // A name that holds accents of its own is sent with them composed, so it has to be stored like that.
  const users = [...oddPasswords, ' leading', 'cafe\u0301 noir'].map((odd, i) => ({
    name: odd.includes(':') || odd !== odd.normalize('NFC') ? `user${i}` : odd,
    password: odd,
  }));
  let server: Taciturn;
  let url: string;

  beforeAll(async () => {
    const before = await Taciturn.start();
    const yaml = readFileSync(before.file, 'utf8');
    const all = [...users, { name: 'alice', password: 'correct horse' }];
    writeFileSync(before.file, yaml.replace(/users: \[.*\]/, `users: ${JSON.stringify(all)}`));
    server = await before.restart();
    url = `turn:127.0.0.1:${server.port}`;
  }, 30_000);
  afterAll(async () => {
    await server?.stop();
  });

  it.each(users)('work when they are right: $password', async ({ name, password: secret }) => {
    const report = await check(url, { TACITURN_PASSWORD: secret }, '--username', name);
    expect({ passed: report.passed, said: said(report) }).toMatchObject({ passed: true });
  });

  it.each([
    ['correct horse ', 'ends with a blank'],
    ['"correct horse"', 'is in quotation marks'],
    ['correct%20horse', 'URL encoding'],
    ['correct\u00a0horse', 'no-break space'],
  ])('are named when they are wrong: %j', async (odd, says) => {
    const problem = said(await check(url, { TACITURN_PASSWORD: odd }, '--username', 'alice')).at(-1)!;
    expect(problem).toMatchObject({ code: 'odd_credentials', cause: expect.stringContaining(says) });
  });

  it('are named when the secret is', async () => {
    const problem = said(await check(url, { TACITURN_SECRET: `${sharedSecret} ` })).at(-1)!;
    const cause = expect.stringContaining('The secret ends with a blank');
    expect(problem).toMatchObject({ code: 'odd_credentials', cause });
  });
});
