import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConfigurationInput, loadConfiguration } from './load-configuration.ts';
import { describeProblem } from './problem.ts';
import type { Configuration } from './settings.ts';

const goodSecret = 'kZ8mQ2xT7vLp4NwRc1Ye';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'taciturn-config-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, content: string): string {
  writeFileSync(join(directory, name), content);
  return name;
}

function load(yaml: string | undefined, rest: Partial<ConfigurationInput> = {}) {
  const file = yaml === undefined ? undefined : write('taciturn.yaml', yaml);
  return loadConfiguration({ file, environment: {}, workingDirectory: directory, ...rest });
}

function accepted(...args: Parameters<typeof load>): Configuration {
  const loaded = load(...args);
  if (!loaded.ok) throw new Error(loaded.problems.map(describeProblem).join('\n'));
  return loaded.configuration;
}

function complaints(...args: Parameters<typeof load>): string[] {
  const loaded = load(...args);
  return loaded.ok ? [] : loaded.problems.map(describeProblem);
}

describe('without a file, variables and flags', () => {
  it('has a default for every key, normalised', () => {
    expect(accepted(undefined)).toEqual({
      dataDir: join(directory, 'taciturn-data'),
      realm: 'taciturn',
      publicHost: undefined,
      listen: { addresses: 'auto', port: 3478, extraPorts: [], udp: true, tcp: true },
      tls: { certificateFile: undefined, keyFile: undefined, port: 5349 },
      proxyProtocol: { trust: [] },
      natDiscovery: { ipv4: [], ipv6: [], alternatePort: 3479, rfc3489: false },
      alternateServers: { udp: [], tcp: [], tls: [] },
      relay: {
        ports: { low: 49152, high: 65535 },
        plane: 'auto',
        workers: 'auto',
        tcp: true,
        rfc5766Channels: false,
        ipv4: { address: { kind: 'auto' }, external: { kind: 'same' } },
        ipv6: { address: { kind: 'auto' }, external: { kind: 'same' } },
        external: { stunServers: [], refreshSeconds: 300 },
        peers: { allow: [], deny: [] },
        lifetime: { defaultSeconds: 600, maxSeconds: 3600 },
      },
      authentication: {
        sharedSecrets: [],
        users: [],
        expiry: 'grace',
        nonceLifetimeSeconds: 600,
        requireSha256: false,
      },
      limits: {
        allocations: 16_000,
        allocationsPerUser: 100,
        permissionsPerAllocation: 256,
        channelsPerAllocation: 256,
        perAllocation: {
          packetsPerSecond: 10_000,
          bytesPerSecond: 12_500_000,
          newPeersPerSecond: 5,
          newPeersBurst: 64,
        },
        perUser: { packetsPerSecond: 40_000, bytesPerSecond: 50_000_000 },
        perServer: { packetsPerSecond: Number.POSITIVE_INFINITY, bytesPerSecond: Number.POSITIVE_INFINITY },
        unauthenticated: { perAddressPerSecond: 100, perAddressBurst: 1000, perNetworkPerSecond: 1000 },
        connections: {
          total: 20_000,
          pending: 1024,
          pendingPerAddress: 64,
          firstMessageMilliseconds: 10_000,
          handshakeMilliseconds: 5_000,
          idleMilliseconds: 600_000,
          queuedBytes: 256_000,
        },
      },
      credentials: { ttl: { defaultSeconds: 3600, minSeconds: 60, maxSeconds: 86_400 } },
      store: {
        redis: undefined,
        redisPrefix: 'taciturn:',
        keepUsageSeconds: 400 * 86_400,
        maxRevocations: 1_000_000,
      },
      http: {
        enabled: true,
        host: '127.0.0.1',
        port: 8080,
        certificateFile: undefined,
        keyFile: undefined,
        allowPublic: false,
        trustedProxies: [],
      },
      admission: {
        url: undefined,
        secret: undefined,
        timeoutMilliseconds: 2000,
        cacheSeconds: 10,
        whenUnavailable: 'refuse',
      },
      webhooks: {
        urls: [],
        secret: undefined,
        events: ['allocation-created', 'allocation-ended', 'budget-reached'],
        timeoutMilliseconds: 5000,
        attempts: 8,
        queue: 10_000,
      },
      audit: { file: undefined, enabled: true },
      diagnose: {
        servers: [
          { host: 'stunserver2025.stunprotocol.org', port: 3478 },
          { host: 'stun.voipgate.com', port: 3478 },
          { host: 'stun.cloudflare.com', port: 3478 },
          { host: 'stun.l.google.com', port: 19_302 },
          { host: 'stun.nextcloud.com', port: 3478 },
        ],
      },
      log: { level: 'info', format: 'auto', addresses: 'full' },
      shutdown: { deadlineMilliseconds: 30_000 },
    });
  });

  it('keeps its data where systemd says, unless told otherwise', () => {
    const environment = { STATE_DIRECTORY: '/var/lib/taciturn:/var/lib/other' };
    expect(accepted(undefined, { environment }).dataDir).toBe('/var/lib/taciturn');
    expect(accepted('dataDir: mine', { environment }).dataDir).toBe(join(directory, 'mine'));
  });
});

describe('the order of sources', () => {
  const file = 'realm: from-file';
  const environment = { TACITURN_REALM: 'from-environment' };
  const flags = [{ path: 'realm', flag: '--realm', value: 'from-flag' }];

  it('is flag, environment, file, default', () => {
    expect(accepted(file, { environment, flags }).realm).toBe('from-flag');
    expect(accepted(file, { environment }).realm).toBe('from-environment');
    expect(accepted(file).realm).toBe('from-file');
  });

  it('is kept for every key', () => {
    const loaded = load('log:\n  level: warn', {
      environment,
      flags: [{ path: 'listen.port', flag: '--port', value: '1' }],
    });
    if (!loaded.ok) throw new Error('refused');
    expect(loaded.origins.get('log.level')).toEqual({
      origin: { kind: 'file', file: 'taciturn.yaml', line: 2, column: 3 },
      shown: 'warn',
    });
    expect(loaded.origins.get('realm')?.origin).toEqual({ kind: 'environment', variable: 'TACITURN_REALM' });
    expect(loaded.origins.get('listen.port')).toEqual({ origin: { kind: 'flag', flag: '--port' }, shown: 1 });
    expect(loaded.origins.get('relay.ports')).toEqual({ origin: { kind: 'default' }, shown: '49152-65535' });
  });

  it('reports a bad value even where a stronger source overrides it', () => {
    expect(complaints('realm: 7', { environment })).toHaveLength(1);
  });
});

describe('what is written', () => {
  it('takes units, lists and addresses', () => {
    const { relay, limits, listen, shutdown } = accepted(`
listen: { addresses: [192.0.2.1, "2001:DB8::1"] }
relay:
  ports: 50000-50010
  plane: batch
  workers: 8
  ipv4: { address: 192.0.2.1, external: turn.example.org }
  ipv6: { address: none }
  external: { stunServers: [stun.example.org, "stun.example.org:19302", "[2001:db8::2]:3479"] }
  peers: { allow: [10.1.0.0/16], deny: [198.18.0.1-198.18.0.9, "2001:db8::/32"] }
  lifetime: { default: 90, max: 0.5h }
limits:
  perUser: { packetsPerSecond: unlimited, bytesPerSecond: 64KiB }
shutdown: { deadline: 500ms }
`);
    expect(listen.addresses).toEqual(['192.0.2.1', '2001:db8::1']);
    expect(relay.ports).toEqual({ low: 50_000, high: 50_010 });
    expect(relay).toMatchObject({ plane: 'batch', workers: 8 });
    expect(relay.ipv4.address).toEqual({ kind: 'address', address: '192.0.2.1' });
    expect(relay.ipv4.external).toEqual({ kind: 'hostname', hostname: 'turn.example.org' });
    expect(relay.external.stunServers).toEqual([
      { host: 'stun.example.org', port: 3478 },
      { host: 'stun.example.org', port: 19_302 },
      { host: '2001:db8::2', port: 3479 },
    ]);
    expect(relay.peers.allow.map(({ low, high }) => `${low} ${high}`)).toEqual(['10.1.0.0 10.1.255.255']);
    expect(relay.peers.deny.map(({ text }) => text)).toEqual(['198.18.0.1-198.18.0.9', '2001:db8::/32']);
    expect(relay.lifetime).toEqual({ defaultSeconds: 90, maxSeconds: 1800 });
    expect(limits.perUser).toEqual({ packetsPerSecond: Number.POSITIVE_INFINITY, bytesPerSecond: 65_536 });
    expect(shutdown.deadlineMilliseconds).toBe(500);
  });

  it.each([
    ['realm: ', []],
    ['# nothing', []],
    ['http:\n', []],
  ])('takes a key without a value as left out: %j', (yaml, expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });

  it.each([
    ['relay:\n  prots: 1-2', /^taciturn\.yaml:2:3: relay\.prots: .*no such key.*Did you mean ports\?/],
    ['relay:\n  ports: 70000-80000', /^taciturn\.yaml:2:3: relay\.ports: found "70000-80000"; allowed: two ports/],
    ['relay: { ports: 50010-50000 }', /relay\.ports: found/],
    ['relay: { ports: 1000-2000 }', /within 1024-65535/],
    ['listen: { port: "3478" }', /listen\.port: found "3478"; allowed: a whole number from 0 to 65535/],
    ['listen: { port: 34.5 }', /listen\.port: found 34\.5/],
    [
      'listen:\n  addresses:\n    - 192.0.2.1\n    - 0.0.0.0',
      /^taciturn\.yaml:4:7: listen\.addresses\[1\]: .*wrong one/,
    ],
    ['listen: { addresses: ["::"] }', /wildcard socket/],
    ['listen: { addresses: [192.0.2.1, 192.0.2.1] }', /already/],
    ['listen: here', /^taciturn\.yaml:1:1: listen: found text; allowed: a mapping with the keys addresses, port/],
    ['- a', /found a list; allowed: a mapping/],
    ['relay: { plane: fast }', /relay\.plane: found "fast"; allowed: one of auto, batch, dgram/],
    ['relay: { workers: 0 }', /relay\.workers: found 0; allowed: auto, or a whole number from 1 to 64/],
    ['relay: { workers: 65 }', /relay\.workers: found 65/],
    ['relay: { workers: "2" }', /relay\.workers: found "2"/],
    ['relay: { ipv4: { address: "::1" } }', /relay\.ipv4\.address: found "::1"; allowed: auto, none, or an IPv4/],
    ['relay: { ipv4: { external: 10.0.0.300 } }', /a hostname/],
    ['relay: { peers: { deny: [10.0.0.1/8] } }', /relay\.peers\.deny\[0\].*behind its prefix/],
    ['relay: { peers: { allow: [0x7f.1] } }', /not an IP address/],
    ['relay: { peers: { allow: ["10.0.0.9-10.0.0.1"] } }', /ends before it begins/],
    ['relay: { peers: { allow: ["10.0.0.1-::1"] } }', /ends in the other/],
    ['relay: { peers: { allow: ["fe80::1%eth0"] } }', /allow\[0\]/],
    ['log: { level: loud }', /found "loud"; allowed: one of trace, debug/],
    ['limits: { perUser: { bytesPerSecond: 5 potatoes } }', /found "5 potatoes"; allowed: a number of bytes/],
    ['relay: { lifetime: { max: 1500ms } }', /whole seconds/],
    ['realm: "a\\"b"', /realm: found/],
    ['constructor: 1', /no such key/],
    ['http: { __proto__: 1 }', /http\.__proto__.*no such key/],
  ])('refuses %j', (yaml, expected) => {
    const found = complaints(yaml);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });

  it('reports every problem at once', () => {
    expect(complaints('realm: 1\nlisten:\n  port: x\n  prot: 1\nhttp: { port: -1 }')).toHaveLength(4);
  });

  it.each([
    ['a: [1', /^taciturn\.yaml:\d+:\d+: /],
    ['realm: a\nrealm: b', /^taciturn\.yaml:2:1: The key is there twice/],
    ['log:\n\tlevel: info', /tab/],
    ['realm: *gone', /alias/],
  ])('says where YAML is broken: %j', (yaml, expected) => {
    expect(complaints(yaml)[0]).toMatch(expected);
  });

  it('says that the file cannot be read', () => {
    expect(complaints(undefined, { file: 'missing.yaml' })).toEqual(['missing.yaml:1:1: The file does not exist.']);
  });
});

describe('rules between keys', () => {
  it.each([
    ['relay: { lifetime: { default: 2h } }', /relay\.lifetime\.default: found "2h".*above relay\.lifetime\.max/],
    ['relay: { lifetime: { max: 5m } }', /^taciturn\.yaml:1:22: relay\.lifetime\.max/],
    ['credentials: { ttl: { min: 2d } }', /least TTL/],
    ['credentials: { ttl: { default: 2d } }', /between credentials\.ttl\.min/],
    ['relay: { ipv4: { address: none }, ipv6: { address: none } }', /nothing could be relayed/],
    ['relay: { ipv4: { external: stun } }', /stunServers/],
    [
      'relay: { ipv6: { address: none, external: stun }, external: { stunServers: [a.example] } }',
      /no external address/,
    ],
    ['http: { host: 0.0.0.0 }', /http\.host: found "0\.0\.0\.0".*unencrypted/],
  ])('are kept: %j', (yaml, expected) => {
    const found = complaints(yaml);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });

  it('let a public HTTP host pass when that is said', () => {
    expect(accepted('http: { host: 0.0.0.0, allowPublic: true }').http.host).toBe('0.0.0.0');
  });
});

describe('environment variables', () => {
  const withEnvironment = (environment: Record<string, string>) => accepted(undefined, { environment });

  it('match keys whatever their letter case and single underscores', () => {
    expect(withEnvironment({ TACITURN_LIMITS__ALLOCATIONS_PER_USER: '7' }).limits.allocationsPerUser).toBe(7);
    expect(withEnvironment({ TACITURN_LIMITS__ALLOCATIONSPERUSER: '7' }).limits.allocationsPerUser).toBe(7);
    expect(withEnvironment({ taciturn_relay__rfc5766_channels: 'true' }).relay.rfc5766Channels).toBe(true);
    expect(withEnvironment({ TACITURN_RELAY__PLANE: 'dgram' }).relay.plane).toBe('dgram');
    expect(withEnvironment({ TACITURN_RELAY__WORKERS: '2' }).relay.workers).toBe(2);
    expect(withEnvironment({ TACITURN_RELAY__WORKERS: 'auto' }).relay.workers).toBe('auto');
    expect(withEnvironment({ TACITURN_RELAY__PORTS: '50000-50001' }).relay.ports.high).toBe(50_001);
  });

  it.each([['10.1.0.0/16, 10.2.0.0/16'], ['[10.1.0.0/16, 10.2.0.0/16]'], ['["10.1.0.0/16", "10.2.0.0/16"]']])(
    'give lists as %j',
    (text) => {
      const { allow } = withEnvironment({ TACITURN_RELAY__PEERS__ALLOW: text }).relay.peers;
      expect(allow.map((range) => range.text)).toEqual(['10.1.0.0/16', '10.2.0.0/16']);
    },
  );

  it('give users as flow text', () => {
    const { users } = withEnvironment({
      TACITURN_AUTHENTICATION__USERS: '[{name: alice, password: wonderland}]',
    }).authentication;
    expect(users).toEqual([{ name: 'alice', password: 'wonderland' }]);
  });

  it('that name no key are refused with the nearest one', () => {
    expect(complaints(undefined, { environment: { TACITURN_RELAY_PORTS: '1' } })[0]).toMatch(
      /^environment variable TACITURN_RELAY_PORTS: .*Did you mean TACITURN_RELAY__PORTS\?/,
    );
    expect(complaints(undefined, { environment: { TACITURN_LISTEN: '1' } })).toHaveLength(1);
  });

  it('with a bad value are named instead of the file', () => {
    expect(complaints('realm: x', { environment: { TACITURN_LISTEN__PORT: 'many' } })).toEqual([
      'environment variable TACITURN_LISTEN__PORT: listen.port: found "many"; allowed: a whole number from 0 to 65535.',
    ]);
  });

  it('that give one key twice are refused', () => {
    const environment = { TACITURN_DATA_DIR: 'a', TACITURN_DATADIR: 'b' };
    expect(complaints(undefined, { environment })[0]).toMatch(/given twice/);
  });

  it('of Kubernetes services and of no configuration key are left alone', () => {
    const environment = {
      TACITURN_SERVICE_HOST: '10.0.0.1',
      TACITURN_SERVICE_PORT: '3478',
      TACITURN_SERVICE_PORT_TURN_UDP: '3478',
      TACITURN_PORT: 'udp://10.0.0.1:3478',
      TACITURN_PORT_3478_UDP: 'udp://10.0.0.1:3478',
      TACITURN_PORT_3478_UDP_ADDR: '10.0.0.1',
      TACITURN_CONFIG: '/etc/taciturn.yaml',
    };
    expect(complaints(undefined, { environment })).toEqual([]);
    expect(complaints(undefined, { environment: { TACITURN_PORT: '3478' } })).toHaveLength(1);
  });
});

describe('secrets', () => {
  const secretsOf = (...args: Parameters<typeof load>) => accepted(...args).authentication.sharedSecrets;

  it('may be given as a file, one on each line', () => {
    write('secrets', `${goodSecret}\n${goodSecret}2\n`);
    expect(secretsOf('authentication: { sharedSecretsFile: secrets }')).toEqual([goodSecret, `${goodSecret}2`]);
    const environment = { TACITURN_AUTHENTICATION__SHARED_SECRETS_FILE: 'secrets' };
    expect(secretsOf(undefined, { environment })).toHaveLength(2);
  });

  it('from a stronger source replace those of a weaker one, in either spelling', () => {
    const environment = { TACITURN_AUTHENTICATION__SHARED_SECRETS: goodSecret };
    expect(secretsOf('authentication: { sharedSecretsFile: missing }', { environment })).toEqual([goodSecret]);
  });

  it('may be a user’s password, inline or in a file', () => {
    write('password', 'wonderland \n');
    const yaml =
      'authentication: { users: [{ name: a, password: looking-glass }, { name: b, passwordFile: password }] }';
    expect(accepted(yaml).authentication.users).toEqual([
      { name: 'a', password: 'looking-glass' },
      { name: 'b', password: 'wonderland ' },
    ]);
  });

  it.each([
    ['sharedSecrets: [""]', /empty/],
    ['sharedSecrets: [hunter2-hunter2]', /15 bytes, and at least 16/],
    ['sharedSecrets: [secret]', /well-known/],
    ['sharedSecrets: [north]', /well-known/],
    ['sharedSecrets: [changeme-changeme-changeme]', /well-known/],
    ['sharedSecrets: [aaaaaaaaaaaaaaaaaaaaaaaa]', /repeated/],
    ['sharedSecrets: [1234567890123456]', /put it in quotes/],
    ['sharedSecrets: hunter2-hunter2-hunter2', /found text; allowed: a list of secrets/],
    ['sharedSecretsFile: missing', /sharedSecretsFile: found "missing".*does not exist/],
    ['sharedSecretsFile: empty', /sharedSecretsFile\[0\].*empty/],
    ['{ sharedSecrets: [], sharedSecretsFile: empty }', /given twice/],
    ['users: [{ name: a, password: hunter2 }]', /users\[0\]\.password: .*7 bytes/],
    ['users: [{ name: a, password: password }]', /well-known/],
    ['users: [{ name: a }]', /exactly one/],
    ['users: [{ name: "a:b", password: looking-glass }]', /users\[0\]\.name/],
    ['users: [{ name: a, pasword: looking-glass }]', /users\[0\]\.pasword/],
    ['users: [{ name: a, passwordFile: missing }]', /does not exist/],
    ['users: [{ name: a, password: looking-glass }, { name: a, password: looking-glass }]', /already/],
    ['users: [looking-glass]', /found text/],
  ])('that are weak or wrong stop the start, and are not printed: %j', (yaml, expected) => {
    write('empty', '\n');
    const found = complaints(yaml.startsWith('{') ? `authentication: ${yaml}` : `authentication:\n  ${yaml}`);
    expect(found.join('\n')).toMatch(expected);
    expect(found.join('\n')).not.toMatch(/hunter2|looking-glass|1234567890/);
  });

  it('are not printed by broken YAML either', () => {
    for (const yaml of [`a: *${goodSecret}`, `a: !${goodSecret} b`, `a: "${goodSecret}`, `a: @${goodSecret}`]) {
      expect(complaints(yaml).join('\n')).not.toContain(goodSecret);
      expect(complaints(yaml)).not.toEqual([]);
    }
  });

  it('given as an empty variable are not taken for none', () => {
    const environment = { TACITURN_AUTHENTICATION__SHARED_SECRETS: '' };
    expect(complaints(undefined, { environment })[0]).toMatch(/empty/);
  });

  it('are shown only as being there', () => {
    const loaded = load(`authentication: { sharedSecrets: [${goodSecret}] }`);
    if (!loaded.ok) throw new Error('refused');
    expect(loaded.origins.get('authentication.sharedSecrets')?.shown).toBe('(1 set, hidden)');
    expect(loaded.origins.get('authentication.users')?.shown).toBe('(none)');
  });
});
