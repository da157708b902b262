import { describe, expect, it } from 'vitest';
import { ScriptedDns, type Zone } from '../../test/client/scripted-dns.ts';
import { formatTransportAddress } from '../stun/ip-address.ts';
import { parseIceUrl } from './ice-url.ts';
import { type ResolveServerOptions, resolveServer, type ServerTransport } from './server-resolution.ts';

/** What was found, as `udp 192.0.2.1:3478 srv`, or the error. */
async function resolved(text: string, dns: ScriptedDns, options: ResolveServerOptions = {}): Promise<string[]> {
  const url = parseIceUrl(text);
  if (!url.ok) throw new Error(url.error.reason);
  const found = await resolveServer(url.value, dns, { random: () => 0, ...options });
  if (!found.ok) return [found.error.name ? `${found.error.code} ${found.error.name}` : found.error.code];
  return found.value.map(({ transport, address, via }) => `${transport} ${formatTransportAddress(address)} ${via}`);
}

const all: readonly ServerTransport[] = ['tls', 'tcp', 'udp'];

/** The zones of RFC 5928 §4, put into the address space of documentation. */
const example: Zone = {
  naptr: {
    'example.net': [
      '100 10  RELAY:turn.udp  datagram.example.net',
      '200 10  RELAY:turn.tcp:turn.tls  stream.example.net',
    ],
    'datagram.example.net': ['100 10 S RELAY:turn.udp  _turn._udp.example.net'],
    'stream.example.net': ['100 10 S RELAY:turn.tcp  _turn._tcp.example.net', '200 10 A RELAY:turn.tls  a.example.net'],
    'example.com': ['100 10  RELAY:turn.udp:turn.tcp:turn.tls  example.net'],
  },
  srv: {
    '_turn._udp.example.net': ['0 0 3478 a.example.net'],
    '_turn._tcp.example.net': ['0 0 5000 a.example.net'],
  },
  addresses: { 'a.example.net': ['192.0.2.1'] },
};

const service: Zone = {
  srv: {
    '_turn._udp.example.org': ['0 0 4000 u.example.org'],
    '_turn._tcp.example.org': ['0 0 4001 t.example.org'],
    '_turns._tcp.example.org': ['0 0 4002 s.example.org'],
    '_stun._udp.example.org': ['0 0 4003 u.example.org'],
    '_stun._tcp.example.org': ['0 0 4004 t.example.org'],
    '_stuns._tcp.example.org': ['0 0 4005 s.example.org'],
  },
  addresses: {
    'example.org': ['192.0.2.9', '2001:db8::9'],
    'u.example.org': ['192.0.2.1'],
    't.example.org': ['192.0.2.2'],
    's.example.org': ['192.0.2.3'],
  },
};

describe('an IP address in the URL', () => {
  it.each<[string, readonly ServerTransport[] | undefined, string[]]>([
    ['turn:192.0.2.7', undefined, ['udp 192.0.2.7:3478 literal']],
    ['turn:[2001:db8::7]', undefined, ['udp [2001:db8::7]:3478 literal']],
    ['turns:192.0.2.7', undefined, ['tls 192.0.2.7:5349 literal']],
    ['turn:192.0.2.7:80', all, ['tls 192.0.2.7:80 literal', 'tcp 192.0.2.7:80 literal', 'udp 192.0.2.7:80 literal']],
    ['turn:192.0.2.7', all, ['tls 192.0.2.7:5349 literal', 'tcp 192.0.2.7:3478 literal', 'udp 192.0.2.7:3478 literal']],
    ['turn:192.0.2.7?transport=tcp', all, ['tcp 192.0.2.7:3478 literal']],
    ['turns:192.0.2.7:443', all, ['tls 192.0.2.7:443 literal']],
    ['stun:192.0.2.7', all, ['tcp 192.0.2.7:3478 literal', 'udp 192.0.2.7:3478 literal']],
    ['stuns:192.0.2.7', all, ['tls 192.0.2.7:5349 literal']],
  ])('%s asks nobody', async (url, transports, expected) => {
    const dns = new ScriptedDns(service);
    expect(await resolved(url, dns, transports ? { transports } : {})).toEqual(expected);
    expect(dns.asked).toEqual([]);
  });
});

describe('what is asked, by what the URL leaves open (RFC 5928 §3, RFC 8489 §8)', () => {
  it.each<[string, readonly ServerTransport[] | undefined, string[], string[]]>([
    // A port: addresses only, whatever there is in SRV records.
    ['turn:example.org:80', undefined, ['udp 192.0.2.9:80 address', 'udp [2001:db8::9]:80 address'], ['address']],
    [
      'turn:example.org:80?transport=tcp',
      undefined,
      ['tcp 192.0.2.9:80 address', 'tcp [2001:db8::9]:80 address'],
      ['address'],
    ],
    ['turns:example.org:443', undefined, ['tls 192.0.2.9:443 address', 'tls [2001:db8::9]:443 address'], ['address']],
    ['stun:example.org:80', undefined, ['udp 192.0.2.9:80 address', 'udp [2001:db8::9]:80 address'], ['address']],
    // A transport and no port: SRV.
    ['turn:example.org?transport=udp', undefined, ['udp 192.0.2.1:4000 srv'], ['address', 'srv']],
    ['turn:example.org?transport=tcp', all, ['tcp 192.0.2.2:4001 srv'], ['address', 'srv']],
    ['turns:example.org?transport=tcp', all, ['tls 192.0.2.3:4002 srv'], ['address', 'srv']],
    // Neither: NAPTR first.
    ['turn:example.org', undefined, ['udp 192.0.2.1:4000 srv'], ['address', 'naptr', 'srv']],
    ['turns:example.org', undefined, ['tls 192.0.2.3:4002 srv'], ['address', 'naptr', 'srv']],
    [
      'turn:example.org',
      all,
      ['tls 192.0.2.3:4002 srv', 'tcp 192.0.2.2:4001 srv', 'udp 192.0.2.1:4000 srv'],
      ['address', 'naptr', 'srv'],
    ],
    // STUN has no NAPTR.
    ['stun:example.org', undefined, ['udp 192.0.2.1:4003 srv'], ['address', 'srv']],
    ['stun:example.org', all, ['tcp 192.0.2.2:4004 srv', 'udp 192.0.2.1:4003 srv'], ['address', 'srv']],
    ['stuns:example.org', all, ['tls 192.0.2.3:4005 srv'], ['address', 'srv']],
  ])('%s over %s', async (url, transports, expected, kinds) => {
    const dns = new ScriptedDns(service);
    expect(await resolved(url, dns, transports ? { transports } : {})).toEqual(expected);
    expect([...new Set(dns.asked.map((question) => question.split(' ')[0]))].sort()).toEqual(kinds);
    expect(new Set(dns.asked).size).toBe(dns.asked.length);
  });

  it.each(['localhost', 'host.localhost', 'printer.local', 'LOCALHOST.'])('asks for no records of %s', async (host) => {
    const dns = new ScriptedDns({ addresses: { [host]: ['127.0.0.1'] } });
    expect(await resolved(`turn:${host}`, dns)).toEqual(['udp 127.0.0.1:3478 address']);
    expect(dns.asked).toEqual([`address ${host}`]);
  });

  it('has a name for the certificate, which no record changes', async () => {
    const url = parseIceUrl('turns:example.org');
    if (!url.ok) throw new Error(url.error.reason);
    const found = await resolveServer(url.value, new ScriptedDns(service));
    expect(found).toMatchObject({ value: [{ host: 's.example.org', serverName: 'example.org' }] });
  });
});

describe('NAPTR', () => {
  it('ranks the transports by the first set of records, and equal ones as the caller does (RFC 5928 §4.1)', async () => {
    expect(await resolved('turn:example.net', new ScriptedDns(example), { transports: all })).toEqual([
      'udp 192.0.2.1:3478 naptr',
      'tls 192.0.2.1:5349 naptr',
      'tcp 192.0.2.1:5000 naptr',
    ]);
  });

  it('follows a domain to the one of its provider (RFC 5928 §4.2)', async () => {
    expect(await resolved('turn:example.com', new ScriptedDns(example), { transports: all })).toEqual([
      'tls 192.0.2.1:5349 naptr',
      'tcp 192.0.2.1:5000 naptr',
      'udp 192.0.2.1:3478 naptr',
    ]);
  });

  it('keeps to TLS for turns:', async () => {
    const dns = new ScriptedDns(example);
    expect(await resolved('turns:example.com', dns, { transports: all })).toEqual(['tls 192.0.2.1:5349 naptr']);
  });

  it('ends where records lead back to where they came from', async () => {
    const dns = new ScriptedDns({
      naptr: {
        'a.example': ['1 1  RELAY:turn.udp  b.example', '2 1 A RELAY:turn.udp  c.example'],
        'b.example': ['1 1  RELAY:turn.udp  A.example.'],
      },
      addresses: { 'a.example': ['192.0.2.1'], 'c.example': ['192.0.2.3'] },
    });
    expect(await resolved('turn:a.example', dns)).toEqual(['udp 192.0.2.3:3478 naptr']);
  });

  it('goes five records deep and no further', async () => {
    const deep = (depth: number) =>
      new ScriptedDns({
        naptr: Object.fromEntries([
          ...Array.from({ length: depth - 1 }, (_, n) => [`d${n}.example`, [`1 1  RELAY:turn.udp  d${n + 1}.example`]]),
          [`d${depth - 1}.example`, ['1 1 A RELAY:turn.udp  end.example']],
        ]),
        addresses: { 'd0.example': ['192.0.2.1'], 'end.example': ['192.0.2.5'] },
      });
    expect(await resolved('turn:d0.example', deep(5))).toEqual(['udp 192.0.2.5:3478 naptr']);
    expect(await resolved('turn:d0.example', deep(6))).toEqual(['udp 192.0.2.1:3478 address']);
  });

  it('does not ask without end, however many records there are', async () => {
    const dns = new ScriptedDns({});
    dns.naptr = async (name) => {
      dns.asked.push(name);
      const value = Array.from({ length: 16 }, (_, n) => ({
        ...{ order: n, preference: 0, flags: '', service: 'RELAY:turn.udp', regexp: '' },
        replacement: `${n}.${name}`,
      }));
      return { ok: true, value };
    };
    expect(await resolved('turn:example.org', dns)).toEqual(['ENOTFOUND']);
    expect(dns.asked).toHaveLength(64);
  });

  it.each([
    ['other services', '1 1 S SIP+D2U  _sip._udp.example.org'],
    ['other transports', '1 1 A RELAY:turn.tcp  t.example.org'],
    ['no transport', '1 1 A RELAY  t.example.org'],
    ['regular expressions', '1 1 A RELAY:turn.udp !.*!t.example.org! .'],
    ['flags of other applications', '1 1 U RELAY:turn.udp  t.example.org'],
    ['names that have no address', '1 1 A RELAY:turn.udp  nowhere.example.org'],
    ['names that have no service', '1 1 S RELAY:turn.udp  _turn._udp.nowhere.example.org'],
  ])('passes over %s, and goes by SRV then', async (_, record) => {
    const dns = new ScriptedDns({ ...service, naptr: { 'example.org': [record] } });
    expect(await resolved('turn:example.org', dns)).toEqual(['udp 192.0.2.1:4000 srv']);
  });

  it('reads tags and flags in either case', async () => {
    const dns = new ScriptedDns({ ...service, naptr: { 'example.org': ['1 1 a relay:Turn.UDP  t.example.org'] } });
    expect(await resolved('turn:example.org', dns)).toEqual(['udp 192.0.2.2:3478 naptr']);
  });
});

describe('SRV', () => {
  it.each(['ENOTFOUND', 'ENODATA', 'ETIMEOUT', 'ESERVFAIL', 'ECONNREFUSED'])(
    'takes the addresses of the host itself after %s',
    async (code) => {
      const dns = new ScriptedDns(service);
      for (const name of Object.keys(service.srv!)) dns.broken.set(name, code);
      expect(await resolved('turn:example.org', dns)).toEqual([
        'udp 192.0.2.9:3478 address',
        'udp [2001:db8::9]:3478 address',
      ]);
      expect(await resolved('turns:example.org', dns)).toEqual([
        'tls 192.0.2.9:5349 address',
        'tls [2001:db8::9]:5349 address',
      ]);
    },
  );

  it('does so for each transport by itself', async () => {
    const dns = new ScriptedDns(service);
    dns.broken.set('_turn._tcp.example.org', 'ENOTFOUND');
    expect(await resolved('turn:example.org', dns, { transports: ['udp', 'tcp'] })).toEqual([
      'udp 192.0.2.1:4000 srv',
      'tcp 192.0.2.9:3478 address',
      'tcp [2001:db8::9]:3478 address',
    ]);
  });

  it.each(['.', ''])('believes a domain that says with the target "%s" that it has no such service', async (target) => {
    const dns = new ScriptedDns({ ...service, srv: { ...service.srv, '_turn._udp.example.org': [`0 0 0 ${target}`] } });
    expect(await resolved('turn:example.org', dns)).toEqual(['ENOSERVICE _turn._udp.example.org']);
    expect(await resolved('turn:example.org', dns, { transports: ['udp', 'tcp'] })).toEqual(['tcp 192.0.2.2:4001 srv']);
  });

  it('goes by priority, and finds both families of every target', async () => {
    const dns = new ScriptedDns({
      srv: { '_turn._udp.example.org': ['20 0 3478 b.example.org', '10 0 3479 a.example.org'] },
      addresses: { 'a.example.org': ['2001:db8::a', '192.0.2.10'], 'b.example.org': ['192.0.2.11', '2001:db8::b'] },
    });
    expect(await resolved('turn:example.org', dns)).toEqual([
      'udp [2001:db8::a]:3479 srv',
      'udp 192.0.2.10:3479 srv',
      'udp 192.0.2.11:3478 srv',
      'udp [2001:db8::b]:3478 srv',
    ]);
  });

  it('names the target that has no address', async () => {
    const dns = new ScriptedDns({ ...service, srv: { '_turn._udp.example.org': ['0 0 3478 gone.example.org'] } });
    expect(await resolved('turn:example.org', dns)).toEqual(['ENOTFOUND gone.example.org']);
  });

  it('lists a place once, and thirty-two at most', async () => {
    const records = Array.from({ length: 200 }, (_, n) => `1 0 ${1000 + n} u.example.org`);
    const dns = new ScriptedDns({
      ...service,
      srv: { '_turn._udp.example.org': [...records.slice(0, 3), ...records] },
    });
    const found = await resolved('turn:example.org', dns);
    expect(new Set(found).size).toBe(found.length);
    expect(found.length).toBeLessThanOrEqual(32);
    expect(found.length).toBeGreaterThan(16);
  });
});

describe('what cannot be', () => {
  it.each<[string, readonly ServerTransport[] | undefined]>([
    ['turns:example.org?transport=udp', undefined],
    ['turns:example.org', ['udp', 'tcp']],
    ['turn:example.org?transport=udp', ['tcp', 'tls']],
    ['stun:example.org', ['tls']],
  ])('%s over %s', async (url, transports) => {
    const dns = new ScriptedDns(service);
    expect(await resolved(url, dns, transports ? { transports } : {})).toEqual(['ENOTRANSPORT']);
    expect(dns.asked).toEqual([]);
  });

  it('a name that does not exist', async () => {
    expect(await resolved('turn:nowhere.example', new ScriptedDns({}))).toEqual(['ENOTFOUND']);
    expect(await resolved('turn:nowhere.example:3478', new ScriptedDns({}))).toEqual(['ENOTFOUND']);
    expect(await resolved('turn:nowhere.example', new ScriptedDns({ addresses: { 'nowhere.example': [] } }))).toEqual([
      'ENODATA',
    ]);
  });
});
