import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DnsServer } from '../../test/client/dns-server.ts';
import { formatTransportAddress } from '../stun/ip-address.ts';
import { parseIceUrl } from './ice-url.ts';
import { resolveServer } from './server-resolution.ts';
import { systemDns } from './system-dns.ts';

const srv = { priority: 10, weight: 60, port: 4000, target: 'localhost' };
const naptr = { order: 100, preference: 10, flags: 'S', service: 'RELAY:turn.udp', regexp: '' };

describe('systemDns', () => {
  let server: DnsServer;

  beforeAll(async () => {
    server = await DnsServer.start({
      'SRV _turn._udp.example.org': { srv: [srv, { ...srv, priority: 20, port: 4001 }] },
      'SRV _turn._udp.none.example': { srv: [{ ...srv, target: '' }] },
      'SRV _relay._udp.example.net': { srv: [{ ...srv, port: 4002 }] },
      'NAPTR example.net': { naptr: [{ ...naptr, replacement: '_relay._udp.example.net' }] },
      'SRV broken.example': { rcode: 2 },
      'SRV silent.example': 'silence',
      'NAPTR silent.example': 'silence',
    });
  });

  afterAll(async () => {
    await server.stop();
  });

  function dns() {
    return systemDns({ servers: [server.address] });
  }

  async function found(text: string) {
    const url = parseIceUrl(text);
    if (!url.ok) throw new Error(url.error.reason);
    const endpoints = await resolveServer(url.value, dns());
    return endpoints.ok
      ? endpoints.value.map(({ address, via }) => `${formatTransportAddress(address)} ${via}`)
      : endpoints.error;
  }

  it('reads SRV and NAPTR records', async () => {
    expect(await dns().srv('_turn._udp.example.org')).toEqual({
      ok: true,
      value: [srv, { ...srv, priority: 20, port: 4001 }],
    });
    expect(await dns().naptr('example.net')).toEqual({
      ok: true,
      value: [{ ...naptr, replacement: '_relay._udp.example.net' }],
    });
  });

  it('finds servers through them', async () => {
    expect(await found('turn:example.org')).toEqual(
      expect.arrayContaining(['127.0.0.1:4000 srv', '127.0.0.1:4001 srv']),
    );
    expect(await found('turn:example.net')).toContain('127.0.0.1:4002 naptr');
    expect(await found('turn:none.example')).toEqual({ code: 'ENOSERVICE', name: '_turn._udp.none.example' });
  });

  it('says why there is no answer', async () => {
    expect(await dns().srv('nowhere.example')).toEqual({ ok: false, error: { code: 'ENOTFOUND' } });
    expect(await dns().srv('broken.example')).toEqual({ ok: false, error: { code: 'ESERVFAIL' } });
  });

  it('gives up on a server that is silent', async () => {
    const impatient = systemDns({ servers: [server.address], recordTimeoutMs: 20 });
    expect(await impatient.srv('silent.example')).toEqual({ ok: false, error: { code: 'ETIMEOUT' } });
    expect(await impatient.naptr('silent.example')).toEqual({ ok: false, error: { code: 'ETIMEOUT' } });
  });

  it('leaves addresses to the system', async () => {
    const answer = await dns().addresses('localhost');
    expect(answer.ok && answer.value.map(({ text }) => text)).toContain('127.0.0.1');
    const literal = await dns().addresses('2001:DB8::1');
    expect(literal.ok && literal.value.map(({ text }) => text)).toEqual(['2001:db8::1']);
  });
});
