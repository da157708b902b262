import { describe, expect, it } from 'vitest';
import { type DiagnoseOptions, diagnose } from '../../src/diagnosis/diagnose.ts';
import type { Diagnosis } from '../../src/nat/report.ts';
import { runUntil } from '../virtual-network/virtual-nat-environment.ts';
import { FakeNetwork, type FakeNetworkWorld } from './fake-network.ts';

const local = { ipv4: '192.168.1.2', ipv6: '2001:db8::2' };
const portal = { host: 'portal.example.org', port: 80, path: '/' };

async function run(world: FakeNetworkWorld, options: Partial<DiagnoseOptions> = {}) {
  const network = new FakeNetwork(world);
  const said: string[] = [];
  const diagnosis = await runUntil(
    network.schedule,
    diagnose(
      {
        servers: ['203.0.113.10', '203.0.113.20:3479', '[2001:db8:1::10]:3478'],
        families: ['ipv4', 'ipv6'],
        lifetime: false,
        hairpin: false,
        captivePortal: false,
        onProgress: (what) => said.push(what),
        ...options,
      },
      network,
    ),
  );
  return { diagnosis, said, network };
}

function outcomes({ transports }: Diagnosis): string[] {
  return [...new Set(transports.map(({ outcome }) => outcome))];
}

describe('a diagnosis', () => {
  it('says so where there is no network at all', async () => {
    const { diagnosis } = await run({});
    expect(diagnosis.ipv4.udp).toMatchObject({ value: 'no-address', confidence: 'high' });
    expect(diagnosis.ipv6.udp).toMatchObject({ value: 'no-address' });
    expect(diagnosis.verdict.relay).toBe('unknown');
    expect(diagnosis.elapsedMs).toBeLessThan(15_000);
    expect(diagnosis.startedAt).toBe('2030-01-02T03:04:05.000Z');
  });

  it('ends within fifteen seconds where all is silent, and calls nothing blocked', async () => {
    const { diagnosis, network } = await run({ local, names: () => 'never' }, { captivePortal: true });
    expect(diagnosis.elapsedMs).toBeLessThan(15_000);
    expect(diagnosis.ipv4.udp).toEqual({ state: 'unknown', why: expect.stringContaining('nor over TCP') });
    expect(diagnosis.ipv6.udp.state).toBe('unknown');
    expect(outcomes(diagnosis)).toEqual(['dropped']);
    expect(diagnosis.gateway.state).toBe('unknown');
    expect(diagnosis.verdict.relay).toBe('unknown');
    network.schedule.advance(30_000);
    expect(network.open).toBe(0);
  });

  it('tells rejects from silence, and blames no network for servers that refuse everything', async () => {
    const { diagnosis } = await run({ local, datagram: () => 'refused', tcp: 'ECONNREFUSED' });
    expect(diagnosis.ipv4.udp).toEqual({ state: 'unknown', why: expect.stringContaining('over TCP as well') });
    expect(diagnosis.verdict.relay).toBe('unknown');
    expect(outcomes(diagnosis)).toEqual(['rejected']);
  });

  it('goes on with IPv6 where the names of IPv4 fail, and the other way round', async () => {
    const names = (_: string, family: 'ipv4' | 'ipv6') => (family === 'ipv4' ? 'ESERVFAIL' : ['2001:db8:1::10']);
    const { diagnosis } = await run({ local, names }, { servers: ['stun.example.org'] });
    expect(diagnosis.ipv4.udp).toEqual({ state: 'unknown', why: expect.stringContaining('ESERVFAIL') });
    expect(diagnosis.servers).toMatchObject([{ server: 'stun.example.org', addresses: ['2001:db8:1::10'] }]);
    expect(diagnosis.transports.every(({ family }) => family === 'ipv6')).toBe(true);
  });

  it('says of a family without a route that it has none', async () => {
    const { diagnosis } = await run({ local: { ipv4: local.ipv4 } });
    expect(diagnosis.ipv6.udp).toMatchObject({ state: 'found', value: 'no-address' });
    expect(diagnosis.ipv4.udp.state).toBe('unknown');
  });

  it('tests only the families that were asked for', async () => {
    const { diagnosis } = await run({ local }, { families: ['ipv6'] });
    expect(diagnosis.ipv4.udp.state).toBe('not-tested');
    expect(diagnosis.gateway.state).toBe('not-tested');
    expect(diagnosis.transports.every(({ family }) => family === 'ipv6')).toBe(true);
  });

  it('names a server that could not be read', async () => {
    const { diagnosis } = await run({ local }, { servers: ['not a server'] });
    expect(diagnosis.servers).toMatchObject([{ server: 'not a server', qualification: { state: 'unknown' } }]);
  });

  it('tells what it does', async () => {
    const { said } = await run({ local });
    expect(said).toContain('IPv4: asking the servers');
  });

  it('does not ask the router of a VPN', async () => {
    const { diagnosis } = await run({ local, interfaceName: 'wg0' });
    expect(diagnosis.gateway).toMatchObject({ state: 'not-tested', why: expect.stringContaining('VPN') });
    expect(diagnosis.interfaces).toMatchObject([{ name: 'wg0', kind: 'vpn', isDefault: true }]);
  });
});

describe('the router', () => {
  it('is asked by NAT-PMP', async () => {
    const datagram = (bytes: Buffer, to: string) =>
      to === '192.168.1.1:5351' && bytes.length === 2
        ? { bytes: Buffer.from([0, 128, 0, 0, 0, 0, 0, 9, 100, 64, 0, 2]), from: to }
        : undefined;
    const { diagnosis } = await run({ local, router: '192.168.1.1', datagram });
    expect(diagnosis.gateway).toMatchObject({
      value: { address: '192.168.1.1', protocol: 'nat-pmp', wanAddress: '100.64.0.2', carrierNat: true },
    });
  });

  it('is looked for at the usual addresses where no route names it, and asked by UPnP', async () => {
    const type = 'urn:schemas-upnp-org:service:WANIPConnection:1';
    const found = `HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nLOCATION: http://192.168.1.254:5000/d.xml\r\n\r\n`;
    const datagram = (_: Buffer, to: string) =>
      to === '192.168.1.254:1900' ? { bytes: Buffer.from(found), from: to } : undefined;
    const asked: string[] = [];
    const http: FakeNetworkWorld['http'] = ({ method, host, path }) => {
      asked.push(`${method} ${host}${path}`);
      if (method === 'GET') {
        return {
          status: 200,
          body: `<service><serviceType>${type}</serviceType><controlURL>/c</controlURL></service>`,
        };
      }
      return { status: 200, body: '<NewExternalIPAddress>10.0.0.2</NewExternalIPAddress>' };
    };
    const { diagnosis } = await run({ local, datagram, http });
    expect(asked).toEqual(['GET 192.168.1.254:5000/d.xml', 'POST 192.168.1.254:5000/c']);
    expect(diagnosis.gateway).toMatchObject({
      value: { address: '192.168.1.254', protocol: 'upnp', wanAddress: '10.0.0.2', nats: 'two-or-more' },
    });
  });

  it('may answer anything', async () => {
    const datagram = (bytes: Buffer, to: string) => ({
      bytes: Buffer.concat([Buffer.from([0, 128]), bytes]),
      from: to,
    });
    const { diagnosis } = await run({
      local,
      router: '192.168.1.1',
      datagram,
      http: () => ({ status: 200, body: '<' }),
    });
    expect(diagnosis.gateway.state).toBe('unknown');
    expect(outcomes(diagnosis)).toContain('intercepted');
  });
});

describe('a login page', () => {
  const ask = async (answer: ReturnType<NonNullable<FakeNetworkWorld['http']>>) => {
    const names = (host: string) => (host === portal.host ? ['203.0.113.80'] : 'ENOTFOUND');
    const world = { local, names, http: () => answer };
    return (await run(world, { captivePortal: true, portalProbes: [portal] })).diagnosis.captivePortal;
  };

  it('is one that answers in place of an empty page', async () => {
    expect(await ask({ status: 302, body: '' })).toMatchObject({ value: { captured: true } });
    expect(await ask({ status: 200, body: 'Log in' })).toMatchObject({ value: { captured: true } });
    expect(await ask({ status: 204, body: '' })).toMatchObject({ value: { captured: false } });
  });

  it('is unknown where nothing answers', async () => {
    expect(await ask('ECONNREFUSED')).toMatchObject({ state: 'unknown' });
    expect(await ask({ status: 503, body: '' })).toMatchObject({ state: 'unknown' });
  });
});
