import { describe, expect, it } from 'vitest';
import { loadConfiguration } from '../config/load-configuration.ts';
import { configuredPorts, listeningPoints } from './listening-points.ts';

function configuration(environment: Record<string, string>) {
  const loaded = loadConfiguration({
    environment: { TACITURN_LISTEN__ADDRESSES: '192.0.2.1,192.0.2.2', ...environment },
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.configuration;
}

const certificate = { TACITURN_TLS__CERTIFICATE_FILE: 'cert.pem', TACITURN_TLS__KEY_FILE: 'key.pem' };

function places(environment: Record<string, string>): string[] {
  return listeningPoints(configuration(environment)).map(
    ({ transport, ip, zone, port }) => `${transport} ${ip.text}${zone === undefined ? '' : `%${zone}`} ${port}`,
  );
}

describe('the places that are listened on', () => {
  it('are every address, over UDP and TCP', () => {
    expect(places({})).toEqual([
      'udp 192.0.2.1 3478',
      'udp 192.0.2.2 3478',
      'tcp 192.0.2.1 3478',
      'tcp 192.0.2.2 3478',
    ]);
    expect(places({ TACITURN_LISTEN__TCP: 'no' })).toEqual(['udp 192.0.2.1 3478', 'udp 192.0.2.2 3478']);
    expect(places({ TACITURN_LISTEN__UDP: 'no' })).toEqual(['tcp 192.0.2.1 3478', 'tcp 192.0.2.2 3478']);
  });

  it('have further ports, one for TLS and one for NAT discovery', () => {
    const one = { TACITURN_LISTEN__ADDRESSES: '192.0.2.1' };
    expect(places({ ...one, ...certificate, TACITURN_LISTEN__EXTRA_PORTS: '443' })).toEqual([
      'udp 192.0.2.1 3478',
      'udp 192.0.2.1 443',
      'tcp 192.0.2.1 3478',
      'tcp 192.0.2.1 443',
      'tcp 192.0.2.1 5349',
    ]);
    const extra = { TACITURN_LISTEN__EXTRA_PORTS: '5349', TACITURN_LISTEN__UDP: 'no' };
    expect(places({ ...one, ...certificate, ...extra })).toEqual(['tcp 192.0.2.1 3478', 'tcp 192.0.2.1 5349']);
    const three = { TACITURN_LISTEN__ADDRESSES: '192.0.2.1,192.0.2.2,192.0.2.3', TACITURN_LISTEN__TCP: 'no' };
    expect(places({ ...three, TACITURN_NAT_DISCOVERY__IPV4: '192.0.2.1,192.0.2.3' })).toEqual([
      'udp 192.0.2.1 3478',
      'udp 192.0.2.2 3478',
      'udp 192.0.2.3 3478',
      'udp 192.0.2.1 3479',
      'udp 192.0.2.3 3479',
    ]);
  });

  it('keep the zone of a link-local address', () => {
    const local = { TACITURN_LISTEN__ADDRESSES: 'fe80::1%eth0', TACITURN_LISTEN__TCP: 'no' };
    expect(places(local)).toEqual(['udp fe80::1%eth0 3478']);
  });
});

describe('the ports in URLs', () => {
  it.each([
    [{}, { udp: [3478], tcp: [3478], tls: [] }],
    [{ TACITURN_LISTEN__TCP: 'no' }, { udp: [3478], tcp: [], tls: [] }],
    [{ TACITURN_LISTEN__EXTRA_PORTS: '443' }, { udp: [3478], tcp: [3478, 443], tls: [] }],
    [certificate, { udp: [3478], tcp: [3478], tls: [5349] }],
    [
      { ...certificate, TACITURN_LISTEN__EXTRA_PORTS: '443' },
      { udp: [3478], tcp: [3478], tls: [443] },
    ],
    [
      { ...certificate, TACITURN_TLS__PORT: '3478' },
      { udp: [3478], tcp: [3478], tls: [3478] },
    ],
  ])('are those that get through: %j', (environment, expected) => {
    expect(configuredPorts(configuration(environment as Record<string, string>))).toEqual(expected);
  });
});
