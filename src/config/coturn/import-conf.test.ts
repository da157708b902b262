import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfiguration } from '../load-configuration.ts';
import type { Configuration } from '../settings.ts';
import { directives, type ImportedConf, importConf } from './import-conf.ts';

const secret = 'kZ8mQ2xT7vLp4NwRc1Ye';
const directory = mkdtempSync(join(tmpdir(), 'taciturn-import-'));
afterAll(() => rmSync(directory, { recursive: true }));

function imported(text: string, options: { secretFile?: (name: string) => string } = {}): ImportedConf {
  return importConf(text, { name: 'turnserver.conf', directory: '/etc/coturn', ...options });
}

/** What the configuration means to the daemon. */
function configured(text: string): Configuration {
  const file = join(directory, 'imported.yaml');
  writeFileSync(file, imported(text).yaml);
  const loaded = loadConfiguration({ file, environment: {}, workingDirectory: directory });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.configuration;
}

/** The last line's fate, in words. */
function fateOf(text: string): string {
  const { fate } = imported(text).lines.at(-1)!;
  const warning = 'warning' in fate ? `; warning: ${fate.warning}` : '';
  return `${fate.kind}: ${fate.kind === 'taken over' ? fate.as : fate.because}${warning}`;
}

const taken: readonly (readonly [string, string])[] = [
  ['listening-ip=192.0.2.1', 'listen.addresses: 192.0.2.1'],
  ['listening-ip=0.0.0.0', 'listen.addresses: auto, the default; warning: that is every address of both families'],
  ['listening-ip=::\nlistening-ip=0.0.0.0', 'listen.addresses: auto, the default'],
  ['listening-port=443', 'listen.port: 443'],
  ['listening-port=3478', 'listen.port: 3478, the default'],
  ['listening-port=0', 'listen.port: 3478, the default'],
  ['tls-listening-port=443', 'tls.port: 443'],
  ['aux-server=192.0.2.1:33478', 'listen.extraPorts: 33478; warning: the port is opened at every address'],
  ['aux-server=[2001:db8::4]:80', 'listen.extraPorts: 80'],
  ['no-udp', 'listen.udp: false'],
  ['no-tcp', 'listen.tcp: false'],
  ['cert=/a.pem\npkey=/b.pem\nno-tls\nno-tcp', 'listen.tcp: false'],
  ['pkey=/b.pem\ncert=/a.pem', 'tls.certificateFile: /a.pem'],
  ['cert=/a.pem\npkey=b.pem', 'tls.keyFile: /etc/coturn/b.pem; warning: a relative path'],
  [
    'listening-ip=192.0.2.1\nlistening-ip=192.0.2.2\nlistening-port=5000\nrfc5780',
    'natDiscovery.ipv4: ["192.0.2.1","192.0.2.2"]',
  ],
  [
    'listening-ip=2001:db8::1\nlistening-ip=2001:db8::2\nrfc5780\nalt-listening-port=0',
    'natDiscovery.alternatePort: 3479',
  ],
  ['stun-backward-compatibility', 'natDiscovery.rfc3489: true'],
  ['relay-ip=192.0.2.1', 'relay.ipv4.address: 192.0.2.1, and relay.ipv6.address: none'],
  ['relay-ip=192.0.2.1\nrelay-ip=2001:db8::1', 'relay.ipv6.address: 2001:db8::1'],
  ['external-ip=198.51.100.1', 'relay.ipv4.external: 198.51.100.1'],
  ['external-ip=turn.example.org', 'relay.ipv4.external: turn.example.org'],
  ['external-ip=198.51.100.1\nexternal-ip=2001:db8::1', 'relay.ipv6.external: 2001:db8::1'],
  ['external-ip=198.51.100.1/10.0.0.1', 'relay.ipv4.address: 10.0.0.1, relay.ipv4.external: 198.51.100.1'],
  ['relay-ip=10.0.0.1\nexternal-ip=198.51.100.1/10.0.0.1', 'relay.ipv4.external: 198.51.100.1'],
  ['min-port=50000', 'relay.ports: 50000-65535'],
  ['min-port=50000\nmax-port=50100', 'relay.ports: 50000-50100'],
  ['relay-threads=0', 'relay.workers: 1'],
  ['relay-threads=100', 'relay.workers: 64'],
  ['no-tcp-relay', 'relay.tcp: false'],
  ['max-allocate-lifetime=7200', 'relay.lifetime.max: 2h'],
  ['max-allocate-lifetime', 'relay.lifetime.max: 1h, the default'],
  ['max-allocate-lifetime=100000', 'relay.lifetime.max: 1d; warning: a day is the most'],
  ['allowed-peer-ip=10.0.0.0-10.0.0.255', 'relay.peers.allow: 10.0.0.0/24'],
  ['allowed-peer-ip=10.0.0.1 # the media server', 'relay.peers.allow: 10.0.0.1; warning: what follows'],
  ['denied-peer-ip=83.166.64.0-83.166.95.254', 'relay.peers.deny: 83.166.64.0-83.166.95.254'],
  ['allow-loopback-peers', 'relay.peers.allow: 127.0.0.0/8, ::1; warning: clients reach every service'],
  ['user=alice:correct horse', 'authentication.users'],
  ['realm=example.org', 'realm: example.org'],
  [`static-auth-secret=${secret}`, 'authentication.sharedSecrets'],
  [`static-auth-secret=${secret} # mine`, 'authentication.sharedSecrets; warning: what follows the # is a part of it'],
  ['user-quota=12 # 4 streams per video call', 'limits.allocationsPerUser: 12; warning: read as 12, as coturn does'],
  ['total-quota=0', 'limits.allocations: 1000000; warning: a million is the most there is'],
  ['max-bps=64000', 'limits.perAllocation.bytesPerSecond: 128000 (twice the value'],
  ['max-bps=0', 'limits.perAllocation.bytesPerSecond: unlimited'],
  ['bps-capacity=0', 'limits.perServer.bytesPerSecond: unlimited, the default'],
  ['bps-capacity=1000000', 'limits.perServer.bytesPerSecond: 2000000 (twice the value'],
  ['stale-nonce', 'authentication.nonceLifetime: 10m, the default'],
  ['stale-nonce=0', 'authentication.nonceLifetime: 1d; warning: a day is the most'],
  ['Verbose', 'log.level: debug'],
];

const unneeded: readonly (readonly [string, string])[] = [
  ['listening-ip=192.0.2.1\nlistening-ip=192.0.2.1', 'line 1 names the same address'],
  ['alt-listening-port=3480', 'RFC 5780) is off'],
  ['alt-tls-listening-port=5350', ''],
  ['aux-server=192.0.2.1:3478', 'the port is listening-port already'],
  ['udp-self-balance', ''],
  ['no-tls', ''],
  ['no-udp=0', 'switched off'],
  ['cert=/a.pem\npkey=/b.pem\nno-tcp', 'warning: plain TCP is offered as well'],
  ['no-tls\ncert=/a.pem', 'no-tls switches TLS off'],
  ['no-dtls', ''],
  ['dtls', 'warning: clients with turns: over UDP'],
  ['rfc5780', 'warning: NAT behaviour discovery stays off'],
  ['no-rfc5780', ''],
  ['response-origin-only-with-rfc5780', ''],
  ['no-stun-backward-compatibility', ''],
  ['raw-public-keys', ''],
  ['cipher-list="DEFAULT"', ''],
  ['dh-file=/dhp.pem', ''],
  ['dh566', ''],
  ['dh1066', ''],
  ['dh2066', ''],
  ['ec-curve-name=prime256v1', ''],
  ['no-sslv2', ''],
  ['no-sslv3', ''],
  ['no-tlsv1', ''],
  ['no-tlsv1_1', ''],
  ['no-tlsv1_2', 'warning: TLS 1.2 stays on'],
  ['tlsv1', 'warning'],
  ['tlsv1_1', 'warning'],
  ['relay-ip=192.0.2.1\nrelay-ip=192.0.2.1', 'line 1 names the same address'],
  ['keep-address-family', 'warning: clients over IPv6'],
  ['allocation-default-address-family="ipv4"', ''],
  ['allocation-default-address-family=keep', 'warning: clients over IPv6'],
  ['sock-buf-size=1', ''],
  ['max-allocate-timeout=60', ''],
  ['channel-lifetime=600', ''],
  ['permission-lifetime', ''],
  ['no-dynamic-ip-list', ''],
  ['no-multicast-peers', ''],
  ['no-loopback-peers # Only on coTURN below v4.5.1.0!', ''],
  ['mobility', ''],
  ['lt-cred-mech # Only on coTURN below v4.5.0.8!', 'warning: coturn knows no comments at the end of a line'],
  ['no-auth=no', 'switched off'],
  [`static-auth-secret=${secret}\nuser=alice:correct horse`, 'coturn does not look at users beside shared secrets'],
  ['server-name=a', ''],
  [`static-auth-secret=${secret}\nuse-auth-secret`, 'shared secrets need no switch'],
  [`static-auth-secret=${secret}\nstatic-auth-secret=${secret}`, 'line 1 has the same secret'],
  ['rest-api-separator=:', ''],
  ['userdb=/var/lib/turn/turndb', 'taciturn users import /var/lib/turn/turndb'],
  ['db=/var/lib/turn/turndb', 'taciturn users import'],
  ['redis-statsdb="ip=127.0.0.1 password=hidden"', ''],
  ['secret-key-file=/a', ''],
  ['no-auth-pings', ''],
  ['no-dynamic-realms', ''],
  ['secret-ts-exp-time=1', ''],
  ['check-origin-consistency', ''],
  ['stateless-nonce', ''],
  ['unauthorized-ratelimit', ''],
  ['unauthorized-ratelimit-requests=1', ''],
  ['unauthorized-ratelimit-window=1', ''],
  ...['verbose', 'log-file=/a', 'no-stdout-log', 'syslog', 'syslog-facility=a', 'simple-log', 'new-log-timestamp'],
  ...['new-log-timestamp-format "%FT%T%z"', 'log-binding', 'pidfile="/run/a.pid"', 'daemon', 'proc-user=turn'],
  ...['proc-group=turn', 'fingerprint', 'no-software-attribute', 'software-attribute', 'prod', 'prometheus'],
  ...['prometheus-port=9641', 'prometheus-address=0.0.0.0', 'prometheus-path=/metrics', 'prometheus-username-labels'],
  ...['cli', 'no-cli', 'cli-ip=127.0.0.1', 'cli-port=5766', 'cli-password=qwerty', 'cli-max-output-sessions=1'],
  ...['web-admin', 'web-admin-ip=127.0.0.1', 'web-admin-port=8080', 'web-admin-listen-on-workers', 'no-stun', 'ne=1'],
  ...['respond-http-unsupported', 'drain-min-allocations=1', 'cpus=2', 'version'],
].map((row) => (typeof row === 'string' ? [row, ''] : [row[0]!, row[1]!]));

const refused: readonly (readonly [string, string])[] = [
  ['listening-ip=eth0', 'an IP address of this machine'],
  ['listening-port=70000', 'a whole number from 0 to 65535'],
  ['listening-port=abc', 'no whole number'],
  ['listening-port', 'no value'],
  ['listening-device=eth0', 'name the addresses of the device'],
  ['aux-server=192.0.2.1', 'no IP:port'],
  ['listening-ip=192.0.2.2\naux-server=192.0.2.1:80', '192.0.2.1 is none of the listening-ip'],
  ['tcp-proxy-port=5555', 'proxyProtocol.trust'],
  ['no-tcp\nno-udp', 'Without UDP and TCP nobody could come'],
  ['no-udp=perhaps', 'none of on, off'],
  ['cert=/a.pem', 'there is no pkey'],
  ['pkey=/a.pem', 'there is no cert'],
  ['pkey-pwd=hidden', 'openssl pkey'],
  ['CA-file=/a.pem', 'nobody asks for one'],
  ['acme-redirect=http://a/', 'let a web server answer'],
  ['relay-ip=example.org', 'no IP address'],
  ['relay-ip=192.0.2.1\nrelay-ip=192.0.2.2', 'line 1 names one'],
  ['relay-device=eth1', 'as relay-ip'],
  ['external-ip=$(detect-external-ip)', 'a hostname'],
  ['external-ip=198.51.100.1/::1', 'neither an address nor PUBLIC/PRIVATE of one family'],
  ['external-ip=198.51.100.1/10.0.0.1\nexternal-ip=198.51.100.2/10.0.0.2', 'line 1 gives it'],
  ['relay-ip=10.0.0.9\nexternal-ip=198.51.100.1/10.0.0.1', 'relays are opened on 10.0.0.9'],
  ['relay-ip=10.0.0.9\nexternal-ip=2001:db8::1', 'no relays of this family'],
  ['min-port=80', 'two ports low-high within 1024-65535'],
  ['max-port=100', 'two ports'],
  ['no-udp-relay', 'cannot be switched off'],
  ['max-allocate-lifetime=0', 'cannot live for 0 seconds'],
  ['channel-lifetime=6000', 'RFC 8656 gives a channel 600 seconds'],
  ['permission-lifetime=301', 'RFC 8656 gives a permission 300 seconds'],
  ['allowed-peer-ip=10.0.0.0/8', 'a range FIRST-LAST'],
  ['denied-peer-ip=10.0.0.9-10.0.0.1', 'a range FIRST-LAST'],
  ['server-relay', 'without their permission'],
  ['alternate-server=192.0.2.9', 'while this server drains'],
  ['tls-alternate-server=192.0.2.9', 'while this server drains'],
  ['no-auth', 'anybody could relay'],
  ['user=alice:0xbc807ee29df3c9ffa736523fb2c4e8ee', 'taciturn users import'],
  ['user=alice', 'not NAME:PASSWORD'],
  ['user=alice:short', 'it has 5 bytes, and at least 8 are needed'],
  ['realm=a"b', 'without quotes'],
  ['use-auth-secret', 'authentication.sharedSecretsFile'],
  ['static-auth-secret=north', 'well-known'],
  ['static-auth-secret=tooshort', 'at least 16 are needed'],
  ['rest-api-separator=#', 'always a colon'],
  ['psql-userdb="password=hidden"', 'PostgreSQL'],
  ['sql-userdb="password=hidden"', 'PostgreSQL'],
  ['mysql-userdb="password=hidden"', 'MySQL'],
  ['mongo-userdb="mongodb://a:hidden@b"', 'MongoDB'],
  ['redis-userdb="password=hidden"', 'Redis'],
  ['oauth', 'RFC 7635'],
  ['secure-stun', 'Binding requests are answered'],
  ['stun-only', 'TURN cannot be switched off'],
  ['listening_ip=192.0.2.1', 'did you mean listening-ip?'],
  ['constructor', 'knows no such directive'],
  ['realm=\uFFFD', 'no UTF-8'],
];

describe('a directive', () => {
  it.each(taken)('%j is taken over as %s', (text, as) => {
    expect(fateOf(text)).toContain('taken over: ');
    expect(fateOf(text)).toContain(as);
  });

  it.each(unneeded)('%j has no counterpart: %s', (text, because) => {
    const [kind, reason] = [fateOf(text).slice(0, 16), fateOf(text).slice(16)];
    expect(kind).toBe('no counterpart: ');
    expect(reason).toContain(because);
  });

  it.each(refused)('%j is refused: %s', (text, because) => {
    expect(fateOf(text)).toContain('refused: ');
    expect(fateOf(text)).toContain(because);
  });

  it('of every name there is has its line above', () => {
    const tested = [...taken, ...unneeded, ...refused].map(([text]) => /[^ =]*/.exec(text.split('\n').at(-1)!)![0]);
    expect([...directives.keys()].filter((name) => !tested.includes(name))).toEqual([]);
  });

  it('that says it again later does not count', () => {
    const { lines } = imported('realm=a\nrealm=b');
    expect(lines[0]!.fate).toMatchObject({
      kind: 'no counterpart',
      because: 'line 2 says it again, and the last counts',
    });
    expect(configured('realm=a\nrealm=b').realm).toBe('b');
  });
});

describe('the configuration', () => {
  it('says what the lines say', () => {
    const text = `listening-port=443
listening-ip=10.0.0.1
listening-ip=2001:db8::1
external-ip=198.51.100.1/10.0.0.1
min-port=50000
max-port=50100
static-auth-secret=${secret}
static-auth-secret="another secret of 16 bytes: # and \\"
realm=example.org
cert=/a.pem
pkey=/b.pem
denied-peer-ip=2001:db8:1::-2001:db8:1:ffff:ffff:ffff:ffff:ffff
allowed-peer-ip=10.0.0.0-10.0.0.9
no-tcp-relay
max-allocate-lifetime=300
`;
    const { listen, tls, relay, realm, authentication } = configured(text);
    expect(realm).toBe('example.org');
    expect(listen).toMatchObject({ port: 443, addresses: ['10.0.0.1', '2001:db8::1'], udp: true, tcp: true });
    expect(tls).toMatchObject({ certificateFile: '/a.pem', keyFile: '/b.pem' });
    expect(relay).toMatchObject({
      ports: { low: 50_000, high: 50_100 },
      tcp: false,
      ipv4: {
        address: { kind: 'address', address: '10.0.0.1' },
        external: { kind: 'address', address: '198.51.100.1' },
      },
      ipv6: { address: { kind: 'auto' } },
      peers: { allow: [{ text: '10.0.0.0-10.0.0.9' }], deny: [{ text: '2001:db8:1::/48' }] },
      lifetime: { defaultSeconds: 300, maxSeconds: 300 },
    });
    expect(authentication.sharedSecrets).toEqual([secret, 'another secret of 16 bytes: # and \\']);
  });

  it('holds only what differs from the defaults, with the line that it comes from', () => {
    const { yaml } = imported('# a comment\nlistening-port=3478\nuser-quota=12\nmin-port=40000\nmax-port=50000\n');
    expect(yaml).toBe(`# Imported from turnserver.conf. The number behind a value is the line there.

relay:
  ports: 40000-50000 # line 4, 5

limits:
  allocationsPerUser: 12 # line 3
`);
  });

  it('keeps users, of which the last line of a name counts', () => {
    const text = 'user=alice:one password\nuser=bob:{"quoted": #1}\nuser=alice:another: password\n';
    expect(configured(text).authentication.users).toEqual([
      { name: 'bob', password: '{"quoted": #1}' },
      { name: 'alice', password: 'another: password' },
    ]);
  });

  it('leaves out what is refused, and keeps the rest', () => {
    const { lines, yaml } = imported('min-port=80\nmax-port=90\nrealm=example.org\nno-auth\nuser=alice:short\n');
    expect(lines.map(({ fate }) => fate.kind)).toEqual(['refused', 'refused', 'taken over', 'refused', 'refused']);
    expect(yaml).toContain('realm: example.org # line 3');
    expect(yaml).not.toMatch(/ports|users/);
  });

  it('names files for the secrets, where they are to be kept apart', () => {
    const secretFile = (name: string) => join(directory, name);
    const some = imported(`static-auth-secret=${secret}\nstatic-auth-secret=${secret}2\n`, { secretFile });
    expect(some.yaml).toContain(`sharedSecretsFile: ${directory}/shared-secrets # line 1, 2`);
    expect(some.secretFiles).toEqual([{ path: join(directory, 'shared-secrets'), content: `${secret}\n${secret}2\n` }]);

    const users = imported('user=alice:correct horse\nuser=bob:battery staple\n', { secretFile });
    expect(`${some.yaml}${users.yaml}`).not.toMatch(/kZ8m|correct|battery/);
    for (const { path, content } of [...some.secretFiles, ...users.secretFiles]) writeFileSync(path, content);
    const file = join(directory, 'apart.yaml');
    writeFileSync(file, users.yaml);
    const loaded = loadConfiguration({ file, environment: {} });
    expect(loaded.ok && loaded.configuration.authentication.users).toEqual([
      { name: 'alice', password: 'correct horse' },
      { name: 'bob', password: 'battery staple' },
    ]);
  });
});

describe('the report', () => {
  it('never holds a secret', () => {
    const text = `static-auth-secret=${secret}hidden
user=alice:hidden password
user=bob:hidden
cli-password=hidden
pkey-pwd=hidden
redis-userdb="ip=127.0.0.1 password=hidden"
mongo-userdb="mongodb://a:hidden@b"
mysql-userdb="password=hidden"
psql-userdb="password=hidden"
redis-statsdb="password=hidden"
static-auth-secret:hidden
static-auth-secret=hidden
`;
    const { lines, notes } = imported(text);
    expect(lines).toHaveLength(12);
    expect(JSON.stringify({ lines, notes })).not.toContain('hidden');
  });

  it('notes that nobody is given a credential', () => {
    expect(imported('realm=a').notes.join()).toContain('No line gives a credential');
    expect(imported('user=alice:correct horse').notes.join()).not.toContain('No line gives a credential');
  });
});

describe('a file', () => {
  it.each(['nextcloud-talk', 'matrix', 'jitsi', 'bigbluebutton'])('as the guide of %s has it is taken over', (name) => {
    const text = readFileSync(new URL(`../../../test/vectors/coturn/${name}.conf`, import.meta.url), 'utf8');
    const { lines } = imported(text);
    expect(lines.filter(({ fate }) => fate.kind === 'refused')).toEqual([]);
    expect(configured(text).authentication.sharedSecrets).toHaveLength(1);
  });

  it('of any lines is answered with a configuration that is accepted', () => {
    const value = fc.oneof(
      fc.constantFrom('', '0', '1', '65536', '99999999999999999', '192.0.2.1', '192.0.2.2', '::', '2001:db8::1', '/a'),
      fc.constantFrom('10.0.0.1-10.0.0.9', '198.51.100.1/10.0.0.1', 'a:correct horse', '192.0.2.1:80', secret, 'off'),
      fc.string({ unit: 'binary' }),
    );
    const name = fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...directives.keys()) },
      { weight: 1, arbitrary: fc.string() },
    );
    const line = fc.tuple(name, fc.constantFrom('=', ' ', '\t= ', '="'), value).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        expect(() => configured(lines.join('\n'))).not.toThrow();
      }),
      { numRuns: 100 },
    );
  });

  it('of any text is answered', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => {
        expect(() => configured(text)).not.toThrow();
      }),
    );
  });
});
