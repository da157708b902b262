import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { IpAddress } from '../../src/stun/ip-address.ts';
import { AddressFamily } from '../../src/stun/protocol.ts';
import { type AddressRange, parseAddressRange } from '../../src/turn/address-range.ts';
import { deniedByDefault } from '../../src/turn/peer-policy.ts';
import { CertificateAuthority } from './certificates.ts';
import { canMakeNamespaces, inNamespace, ip } from './network-namespaces.ts';
import { RunningProgram, requirePeer, run } from './peers.ts';
import { sharedSecret, Taciturn, taciturn } from './taciturn.ts';

interface Endpoint {
  readonly address: string;
  readonly port: number;
}

interface ClientReport {
  readonly relayed: readonly string[];
  readonly attempts: readonly {
    readonly peer: string;
    readonly permission: 'granted' | number;
    /** In one request with peers that are allowed. */
    readonly together: 'granted' | number;
    readonly binding: 'granted' | number;
    /** Of a TCP connection; only over a stream can it be asked for. */
    readonly connection: 'granted' | number | undefined;
  }[];
  readonly metrics: string;
}

const device = 'peers0';
const port = 4000;
const at = (address: string): string => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`);

/** The daemon's own addresses: no denied ones, and none that anybody outside this namespace could notice. */
const own = { ipv4: '11.22.33.44', ipv6: '2a0b::44' };
/** Two in ranges that are denied and one in none. */
const allowed = ['10.99.0.1', 'fd99::1', '44.55.66.77'];

/** Places that services live at, and disguises of IPv4 addresses. */
const notorious = [
  ...['0.0.0.0', '10.0.0.1', '127.0.0.1', '127.0.0.53', '169.254.169.254', '172.17.0.1', '192.168.0.1'],
  ...['100.100.100.200', '192.0.0.192', '255.255.255.255', '239.255.255.250'],
  ...['::', '::1', '::127.0.0.1', '::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:169.254.169.254'],
  ...['64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '2002:7f00:1::', '2002:a9fe:a9fe::', '2002:a00:1::1'],
  ...['fd00:ec2::254', 'fe80::a9fe:a9fe', 'ff02::1', 'ff05::2', `::ffff:${own.ipv4}`, '2002:b16:212c::'],
];

/** First, middle and last usable address of a range. */
function representatives({ low, high }: AddressRange): string[] {
  const [first, last] = [toNumber(low), toNumber(high)];
  if (first === last) return [low.text];
  return [first + 1n, (first + last + 1n) / 2n, last - 1n].map((number) => fromNumber(low.family, number).text);
}

function toNumber({ family, w0, w1, w2, w3 }: IpAddress): bigint {
  const words = family === AddressFamily.ipv4 ? [w0] : [w0, w1, w2, w3];
  return words.reduce((number, word) => (number << 32n) | BigInt(word >>> 0), 0n);
}

function fromNumber(family: AddressFamily, number: bigint): IpAddress {
  const word = (shift: bigint) => Number((number >> shift) & 0xffffffffn);
  if (family === AddressFamily.ipv4) return new IpAddress(family, word(0n));
  return new IpAddress(family, word(96n), word(64n), word(32n), word(0n));
}

const ranges = deniedByDefault.map((text) => parseAddressRange(text) as AddressRange);
const denied = [
  ...new Set([...ranges.flatMap(representatives), ...notorious.map((text) => IpAddress.parse(text)!.text)]),
];
/** Nobody can listen on these alone: packets to them end up at 127.0.0.1, at ::1 or, as multicast of no scope, nowhere. */
const placeless = ['0.0.0.0', '::', '255.255.255.255', 'ff00::1', 'ff80::'];
const endpoints = (addresses: readonly string[]): Endpoint[] => addresses.map((address) => ({ address, port }));

function script(name: string): string {
  return fileURLToPath(new URL(`denied-peers/${name}`, import.meta.url));
}

/** A namespace that has every denied address which can be an interface's, and routes everything to itself. */
function makeNamespace(name: string): void {
  ip('netns', 'add', name);
  ip('-n', name, 'link', 'set', 'lo', 'up');
  ip('-n', name, 'link', 'add', device, 'type', 'veth', 'peer', 'name', 'peers1');
  const assigned = [...denied, ...Object.values(own), ...allowed].map((address) =>
    address.includes(':')
      ? `address add ${address}/128 dev ${device} nodad`
      : `address add ${address}/32 dev ${device}`,
  );
  const up = [`link set ${device} up`, 'link set peers1 up'];
  const routes = ['', '-6 '].map((family) => `${family}route add default dev ${device}`);
  // Loopback, multicast and unspecified addresses cannot be assigned, which `-force` passes over.
  execFileSync('bash', ['-c', `ip -n ${name} -force -batch - 2>/dev/null || true`], {
    input: [...up, ...assigned].join('\n'),
  });
  for (const route of routes) ip('-n', name, ...route.split(' '));
}

const possible = canMakeNamespaces() && requirePeer('openssl');

describe.skipIf(!possible).each(['udp', 'tcp', 'tls'])(
  'what a client sends over %s to peers that are denied',
  (transport) => {
    const streams = transport !== 'udp';
    const name = `tac-d-${randomBytes(3).toString('hex')}`;
    const authority = new CertificateAuthority();
    let daemon: Taciturn;
    let listeners: RunningProgram;
    let report: ClientReport;
    let ready: readonly string[];
    /** The daemon's own sockets, as a peer. */
    let ownServices: Endpoint[];

    /** What has arrived at the listeners so far. */
    const arrivals = () =>
      listeners.stdout
        .split('\n')
        .slice(1)
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { at: string; text: string });

    /** The listeners to which a probe did not get through. */
    const deaf = () => {
      const heard = new Set(arrivals().map(({ at: place, text }) => text === 'probe' && place));
      return ready.filter((place) => !heard.has(place));
    };

    function inside(file: string, input: object): Promise<{ code: number | null; stdout: string; stderr: string }> {
      const [command, ...rest] = [...inNamespace(name), process.execPath, script(file)];
      return run(command!, rest, { input: JSON.stringify(input) });
    }

    beforeAll(async () => {
      makeNamespace(name);
      const { certFile, keyFile } = authority.issue({ names: [`IP:${own.ipv4}`] });
      const http = ['env', `TACITURN_HTTP__HOST=${own.ipv4}`, 'TACITURN_HTTP__ALLOW_PUBLIC=true'];
      daemon = await Taciturn.start(
        `tls: { certificateFile: ${certFile}, keyFile: ${keyFile}, port: 0 }
relay:
  ipv4: { address: ${own.ipv4} }
  ipv6: { address: "${own.ipv6}" }
  # Its own IPv4 address as well: even then it is no way to its own services.
  peers: { allow: ${JSON.stringify([...allowed, own.ipv4])} }
`,
        { listen: Object.values(own), prefix: [...inNamespace(name), ...http] },
      );
      const httpPort = Number(new URL(daemon.http).port);
      ownServices = [
        { address: own.ipv4, port: daemon.port },
        { address: own.ipv6, port: daemon.port },
        { address: own.ipv4, port: httpPort },
      ];

      const places = denied.filter((address) => !placeless.includes(address));
      const listening = [...endpoints([...places, ...allowed, own.ipv6]), { address: own.ipv4, port: httpPort }];
      const [command, ...rest] = [...inNamespace(name), process.execPath, script('listeners.js')];
      listeners = new RunningProgram(command!, rest, { input: JSON.stringify({ device, addresses: listening }) });
      await listeners.waitFor(/^\{"ready".*\}$/m);
      ready = (JSON.parse(listeners.stdout.split('\n')[0]!) as { ready: string[] }).ready;

      const credential = await taciturn(['credentials', 'issue', '--user', 'eve', '--json', '--secret-file', '-'], {
        input: sharedSecret,
      });
      const { username, credential: password } = JSON.parse(credential.stdout) as Record<string, string>;
      const attempted = await inside('client.js', {
        server: { address: own.ipv4, port: daemon.port },
        credentials: { username, password },
        transport:
          transport === 'tls' ? { kind: transport, serverName: own.ipv4, trusted: authority.ca } : { kind: transport },
        http: daemon.http,
        allowed: endpoints(allowed),
        peers: [...endpoints([...denied, own.ipv6]), ...ownServices],
      });
      if (attempted.code !== 0) throw new Error(attempted.stderr);
      report = JSON.parse(attempted.stdout) as ClientReport;
      // Straight to each listener, behind everything else: when all have heard it, nothing is under way any more.
      await inside('probe.js', { device, addresses: listening });
      await vi.waitFor(() => expect(deaf()).toEqual([]), { timeout: 10_000 });
    });

    afterAll(async () => {
      await Promise.all([daemon?.stop(), listeners?.stop()]);
      authority.remove();
      ip('netns', 'delete', name);
    });

    const dropped = (reason: string) =>
      Number(
        new RegExp(`^taciturn_dropped_packets_total\\{reason="${reason}"\\} (\\d+)$`, 'm').exec(report.metrics)![1],
      );

    it('is refused with 403, whichever way it asks for a permission', () => {
      const byPeer = new Map(report.attempts.map((attempt) => [attempt.peer, attempt]));
      const verdicts = denied.map((address) => {
        const { permission, together, binding, connection } = byPeer.get(at(address))!;
        return { address, permission, together, binding, connection };
      });
      const refused = { permission: 403, together: 403, binding: 403, connection: streams ? 403 : undefined };
      expect(verdicts).toEqual(denied.map((address) => ({ address, ...refused })));
    });

    it('may not bind a channel or connect to the daemon itself', () => {
      for (const service of ownServices) {
        const peer = at(service.address).replace(/\d+$/, String(service.port));
        expect(report.attempts.find((attempt) => attempt.peer === peer)).toMatchObject({
          binding: 403,
          ...(streams && { connection: 403 }),
        });
      }
    });

    it('is dropped without a permission, and on channels that are not bound', () => {
      // Three Send indications and one ChannelData to each denied peer; to the daemon's own addresses and services the first
      // comes before the permission.
      expect(dropped('no-permission')).toBeGreaterThanOrEqual(3 * denied.length);
      expect(dropped('unknown-channel')).toBeGreaterThanOrEqual(denied.length);
      expect(dropped('own-service')).toBeGreaterThan(0);
      expect(dropped('no-such-relay')).toBeGreaterThan(0);
    });

    it('arrives at no listener, and at the daemon itself neither', () => {
      const relayed = arrivals().filter(({ text }) => text !== 'probe');
      expect(relayed.filter(({ at: place }) => !allowed.map(at).includes(place))).toEqual([]);
      expect(report.metrics).not.toMatch(/^taciturn_responses_total\{method="binding"\}/m);
    });

    it('arrives where the configuration allows it', () => {
      for (const address of allowed) {
        const texts = arrivals().filter((arrival) => arrival.at === at(address));
        expect(texts.map(({ text }) => text)).toEqual(['in an indication', 'over a channel', 'probe']);
      }
    });

    it('would have been heard in every denied range', () => {
      // Apart from the unspecified address, and IPv4-mapped ones: the listeners on the IPv4 addresses stand for those.
      const silent = ranges.filter((range) => !representatives(range).some((address) => ready.includes(at(address))));
      expect(silent.map(({ text }) => text)).toEqual(['::/128', '::ffff:0:0/96']);
    });
  },
);
