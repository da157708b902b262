import {
  addressPair,
  addressRanges,
  bindHost,
  externalAddress,
  hostPorts,
  listenAddresses,
  optionalHost,
  portRange,
  ports,
  relayAddress,
  transportAddresses,
} from './address-settings.ts';
import {
  automaticNumber,
  byteRate,
  byteSize,
  choice,
  choices,
  countRate,
  milliseconds,
  optionalPath,
  optionalText,
  optionalUrl,
  seconds,
  text,
  toggle,
  urls,
  wholeNumber,
} from './scalar-settings.ts';
import { optionalSecret, secrets, users } from './secret-settings.ts';
import { group, type ValuesOf } from './setting.ts';

// Port 0 lets tests and several daemons on one machine take whatever port is free.
const port = { min: 0, max: 65_535 };
const million = { min: 1, max: 1_000_000 };

/**
 * Every key there is. The configuration's type, its JSON schema, the commented example, the parsing and the
 * environment variables all come from this one tree.
 */
export const settings = group('The configuration of taciturn.', {
  dataDir: optionalText(
    'Where the generated secret and the API keys are kept; when empty, $STATE_DIRECTORY where systemd sets it, else ./taciturn-data.',
    /^[^\0]+$/,
    'a path; a relative one starts at the working directory',
  ),
  realm: text(
    'What clients are told as REALM.',
    'taciturn',
    // RFC 8489 §14.9: a quoted-string's content, fewer than 128 characters.
    /^[^"\\\p{Cc}]{1,127}$/u,
    'text of 1 to 127 characters without quotes, backslashes or control characters',
  ),
  publicHost: optionalHost('The name or address in the URLs handed to apps; the external address when left empty.'),
  listen: group('Where clients arrive.', {
    addresses: listenAddresses(
      'The addresses to listen on: auto is every address of this machine, each by itself; or a list of addresses.',
    ),
    port: wholeNumber('The port for STUN and TURN; 0 takes a free one.', 3478, port),
    extraPorts: ports('Further ports on every address, such as [443], for clients behind strict firewalls.'),
    udp: toggle('Whether clients may come over UDP.', true),
    tcp: toggle('Whether clients may come over TCP, and over TLS where there is a certificate.', true),
  }),
  tls: group('TLS for clients: with a certificate every TCP port takes TLS beside plain TCP.', {
    certificateFile: optionalPath('The certificate with its chain, in PEM; it is read again whenever it changes.'),
    keyFile: optionalPath('The private key of the certificate, in PEM, without a passphrase.'),
    port: wholeNumber('A port that is opened besides when there is a certificate; 0 takes a free one.', 5349, port),
  }),
  proxyProtocol: group('A TCP load balancer in front, which says whose connections it passes on (PROXY v1 and v2).', {
    trust: addressRanges(
      'The addresses of such load balancers: what comes from them must begin with a PROXY header; from anywhere else none is accepted.',
    ),
  }),
  natDiscovery: group(
    'Tells clients how their NAT behaves (RFC 5780); off until two addresses of a family are given.',
    {
      ipv4: addressPair('Two IPv4 addresses of this machine, both reachable by clients.', 4),
      ipv6: addressPair('Two IPv6 addresses of this machine, both reachable by clients.', 6),
      alternatePort: wholeNumber(
        'The second port on these addresses, beside listen.port; 0 takes a free one.',
        3479,
        port,
      ),
      rfc3489: toggle('Also answer Binding requests of the old RFC 3489, on every UDP port.', false),
    },
  ),
  alternateServers: group('Where new clients are sent while this server drains.', {
    udp: transportAddresses('Servers for clients that come over UDP.'),
    tcp: transportAddresses('Servers for clients that come over TCP.'),
    tls: transportAddresses('Servers for clients that come over TLS.'),
  }),
  relay: group('Where peers are reached from.', {
    ports: portRange(
      'The ports of relayed addresses, both ends included; open them in the firewall.',
      '49152-65535',
      1024,
    ),
    plane: choice(
      'What moves UDP packets: batch handles many in one system call (Linux only), dgram runs everywhere, auto is batch where it can be had and dgram elsewhere.',
      ['auto', 'batch', 'dgram'],
      'auto',
    ),
    workers: automaticNumber('Threads for UDP clients on the batch plane; auto is one for each processor core.', {
      min: 1,
      max: 64,
    }),
    tcp: toggle('Whether clients that come over TCP or TLS may reach peers over TCP (RFC 6062).', true),
    rfc5766Channels: toggle(
      'Also accept channel numbers 0x5000-0x7FFF, which clients of the old RFC 5766 bind.',
      false,
    ),
    ipv4: group('Relays on IPv4.', {
      address: relayAddress(
        'The local address relays are opened on: auto, none for no IPv4 relays, or an IPv4 address.',
        4,
      ),
      external: externalAddress(
        'What clients are told instead, behind a 1:1 NAT: same, stun to ask a STUN server, an IPv4 address, or a hostname.',
        4,
      ),
    }),
    ipv6: group('Relays on IPv6.', {
      address: relayAddress(
        'The local address relays are opened on: auto, none for no IPv6 relays, or an IPv6 address.',
        6,
      ),
      external: externalAddress('What clients are told instead: same, stun, an IPv6 address, or a hostname.', 6),
    }),
    external: group('How external addresses are found.', {
      stunServers: hostPorts('The servers (host:port) asked where external is stun.', 3478),
      refresh: seconds('How often hostnames and STUN servers are asked again.', '5m', { min: '10s', max: '1d' }),
    }),
    peers: group('Which peers may be reached; internal networks are denied without being listed here.', {
      allow: addressRanges(
        'Peers allowed although they are denied by default, such as a media server on a private network.',
      ),
      deny: addressRanges('Peers denied besides the built-in list.'),
    }),
    lifetime: group('How long an allocation lives without a refresh.', {
      default: seconds('For clients that ask for no lifetime.', '10m', { min: '1s', max: '1d' }),
      max: seconds('The most that a client may ask for.', '1h', { min: '1s', max: '1d' }),
    }),
  }),
  authentication: group('Who may allocate.', {
    sharedSecrets: secrets(
      'The secrets of time-limited credentials, any of which is accepted and the first of which issues; when empty, one is generated. Better kept in a file: sharedSecretsFile names it, one secret on each line.',
    ),
    users: users('Static users, as {name, password} or {name, passwordFile}.'),
    expiry: choice(
      'What an expired credential still may do: lax refreshes for ever, grace refreshes for one lifetime more, strict nothing.',
      ['lax', 'strict', 'grace'],
      'grace',
    ),
    nonceLifetime: seconds('How long a nonce is good for.', '10m', { min: '1s', max: '1d' }),
    requireSha256: toggle('Refuse MD5 and HMAC-SHA1, which is all that browsers can do.', false),
  }),
  limits: group('What clients may use. Packets above a rate are dropped and counted.', {
    allocations: wholeNumber('Allocations in all.', 16_000, million),
    allocationsPerUser: wholeNumber('Allocations of one user.', 100, million),
    permissionsPerAllocation: wholeNumber('Permissions of one allocation.', 256, { min: 1, max: 65_536 }),
    channelsPerAllocation: wholeNumber('Channels of one allocation.', 256, { min: 1, max: 16_384 }),
    perAllocation: group('For each allocation.', {
      packetsPerSecond: countRate('Packets each second, or unlimited.', 10_000),
      bytesPerSecond: byteRate('Bytes each second, or unlimited.', '12.5MB'),
      newPeersPerSecond: countRate('New peer addresses each second after the burst, or unlimited.', 5),
      newPeersBurst: wholeNumber('New peer addresses at once, as ICE tries many.', 64, million),
    }),
    perUser: group('For all allocations of one user together.', {
      packetsPerSecond: countRate('Packets each second, or unlimited.', 40_000),
      bytesPerSecond: byteRate('Bytes each second, or unlimited.', '50MB'),
    }),
    perServer: group('For the whole server.', {
      packetsPerSecond: countRate('Packets each second, or unlimited.', 'unlimited'),
      bytesPerSecond: byteRate('Bytes each second, or unlimited.', 'unlimited'),
    }),
    unauthenticated: group('Answers to those who have not authenticated, so that a forged source is not flooded.', {
      perAddressPerSecond: countRate('Answers each second to one IPv4 address or IPv6 /64, or unlimited.', 100),
      perAddressBurst: wholeNumber('Answers at once to one IPv4 address or IPv6 /64.', 1000, million),
      perNetworkPerSecond: countRate('Answers each second to one IPv4 /24 or IPv6 /56, or unlimited.', 1000),
    }),
    connections: group('Connections of TCP and TLS clients. Pending ones have not yet sent a whole message.', {
      total: wholeNumber(
        'Connections in all; when there are so many, the one that has been silent longest without an allocation closes.',
        20_000,
        million,
      ),
      pending: wholeNumber('Pending ones in all; when there are so many, the oldest closes.', 1024, million),
      pendingPerAddress: wholeNumber(
        'Pending ones of one IPv4 address or IPv6 /64; what is more is refused.',
        64,
        million,
      ),
      firstMessage: milliseconds('How long a connection may be pending.', '10s', { min: '100ms', max: '10m' }),
      handshake: milliseconds('How long of that a TLS handshake may take.', '5s', { min: '100ms', max: '10m' }),
      idle: milliseconds('How long a connection without an allocation may be silent.', '10m', {
        min: '100ms',
        max: '1d',
      }),
      queuedBytes: byteSize(
        'Bytes that may wait for a client that does not read; what is more is dropped.',
        '256KB',
        '4KB',
        '64MB',
      ),
    }),
  }),
  credentials: group('Credentials that are issued here.', {
    ttl: group('How long they are good for.', {
      default: seconds('When the request does not say.', '1h', { min: '1s', max: '366d' }),
      min: seconds('The least that may be asked for.', '60s', { min: '1s', max: '366d' }),
      max: seconds('The most that may be asked for.', '24h', { min: '1s', max: '366d' }),
    }),
  }),
  store: group('Where API keys, static users, revocations and usage are kept.', {
    redis: optionalSecret(
      'The URL of a Redis server that several daemons share, such as rediss://user:password@redis.example.org:6379/0; without one it is an SQLite file in dataDir.',
      /^rediss?:\/\/[^\s]+$/,
      'a URL that begins with redis:// or rediss://',
    ),
    redisPrefix: text(
      'What the names of all keys in Redis begin with.',
      'taciturn:',
      /^[\x21-\x7e]{0,64}$/,
      'up to 64 characters of ASCII without spaces',
    ),
    keepUsage: seconds('How long usage is kept.', '400d', { min: '1d', max: '3660d' }),
    maxRevocations: wholeNumber('Revocations that are remembered at once; further ones are refused.', 1_000_000, {
      min: 1,
      max: 10_000_000,
    }),
  }),
  http: group('The HTTP service: credentials, health, metrics.', {
    enabled: toggle('Whether it runs.', true),
    host: bindHost('The address it binds.', '127.0.0.1'),
    port: wholeNumber('The port it binds; 0 takes a free one.', 8080, port),
    certificateFile: optionalPath('The certificate with its chain, in PEM: the service then speaks HTTPS only.'),
    keyFile: optionalPath('The private key of the certificate, in PEM, without a passphrase.'),
    allowPublic: toggle(
      'Allow a host that is not loopback without a certificate, although API keys then cross the network unencrypted.',
      false,
    ),
    trustedProxies: addressRanges(
      'Reverse proxies whose X-Forwarded-For is believed; from anybody else such headers are ignored.',
    ),
  }),
  admission: group('A service of yours that is asked about each new allocation.', {
    url: optionalUrl('Where it is asked, by POST; when empty, nobody is.'),
    secret: optionalSecret(
      'What the requests are signed with; see docs/webhooks.md.',
      /^.{16,}$/,
      'text of at least 16 characters',
    ),
    timeout: milliseconds('How long it may take to answer.', '2s', { min: '50ms', max: '2s' }),
    cache: seconds('How long an answer counts for the same user, label and key.', '10s', { min: '0s', max: '1h' }),
    whenUnavailable: choice('What happens while it does not answer.', ['allow', 'refuse'], 'refuse'),
  }),
  webhooks: group('Tells services of yours what happens.', {
    urls: urls('Where it is told, by POST.'),
    secret: optionalSecret(
      'What the requests are signed with; see docs/webhooks.md.',
      /^.{16,}$/,
      'text of at least 16 characters',
    ),
    events: choices(
      'What is told.',
      ['allocation-created', 'allocation-ended', 'budget-reached'],
      ['allocation-created', 'allocation-ended', 'budget-reached'],
    ),
    timeout: milliseconds('How long a receiver may take.', '5s', { min: '50ms', max: '1m' }),
    attempts: wholeNumber('How often one message is tried, ever more slowly, before it is dropped.', 8, {
      min: 1,
      max: 20,
    }),
    queue: wholeNumber('Messages that may wait for one receiver; when there are more, the oldest is dropped.', 10_000, {
      min: 1,
      max: 1_000_000,
    }),
  }),
  audit: group('Who issued, revoked, ended or changed what, and from where.', {
    file: optionalPath('Where it is written, one JSON document a line; when empty, audit.jsonl in dataDir.'),
    enabled: toggle('Whether it is written.', true),
  }),
  diagnose: group('What taciturn diagnose asks.', {
    // Of several operators, so that one that fails or lies does not decide; the first two answer all tests of RFC 5780.
    servers: hostPorts('The STUN servers (host:port) when --server names none.', 3478, [
      'stunserver2025.stunprotocol.org:3478',
      'stun.voipgate.com:3478',
      'stun.cloudflare.com:3478',
      'stun.l.google.com:19302',
      'stun.nextcloud.com:3478',
    ]),
  }),
  log: group('What is logged.', {
    level: choice(
      'The least severe level that is logged.',
      ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
      'info',
    ),
    format: choice('auto is pretty on a terminal and json elsewhere.', ['auto', 'pretty', 'json'], 'auto'),
    addresses: choice('How addresses of clients and peers appear.', ['full', 'truncated', 'hidden'], 'full'),
  }),
  shutdown: group('How the daemon ends.', {
    deadline: milliseconds('How long allocations may go on after SIGTERM.', '30s', { min: '0ms', max: '1d' }),
  }),
});

/**
 * The effective configuration: plain data, already parsed. Durations carry their unit in the key
 * (`relay.lifetime.maxSeconds`, `shutdown.deadlineMilliseconds`), a rate that is off is `Infinity`, secrets given by file
 * are read, and `dataDir` is absolute.
 */
export type Configuration = Omit<ValuesOf<(typeof settings)['settings']>, 'dataDir'> & { readonly dataDir: string };
