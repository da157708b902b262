import { describe, expect, it } from 'vitest';
import { formatTransportAddress } from '../stun/ip-address.ts';
import { loadConfiguration } from './load-configuration.ts';
import { describeProblem } from './problem.ts';

function load(environment: Record<string, string>) {
  return loadConfiguration({ environment, workingDirectory: '/srv' });
}

function accepted(environment: Record<string, string>) {
  const loaded = load(environment);
  if (!loaded.ok) throw new Error(loaded.problems.map(describeProblem).join('\n'));
  return loaded.configuration;
}

function complaints(environment: Record<string, string>): string[] {
  const loaded = load(environment);
  return loaded.ok ? [] : loaded.problems.map(describeProblem);
}

describe('how clients come', () => {
  it('takes ports, files, ranges and addresses', () => {
    const { listen, tls, proxyProtocol, natDiscovery, alternateServers, limits } = accepted({
      TACITURN_LISTEN__EXTRA_PORTS: '443, 80',
      TACITURN_TLS__CERTIFICATE_FILE: 'cert.pem',
      TACITURN_TLS__KEY_FILE: '/etc/key.pem',
      TACITURN_PROXY_PROTOCOL__TRUST: '10.0.0.0/8',
      TACITURN_NAT_DISCOVERY__IPV4: '192.0.2.1,192.0.2.2',
      TACITURN_ALTERNATE_SERVERS__TCP: '192.0.2.9:3478,[2001:db8::1]:443',
      TACITURN_LIMITS__CONNECTIONS__QUEUED_BYTES: '64KiB',
      TACITURN_LIMITS__CONNECTIONS__HANDSHAKE: '1500ms',
    });
    expect(listen.extraPorts).toEqual([443, 80]);
    expect(tls).toEqual({ certificateFile: '/srv/cert.pem', keyFile: '/etc/key.pem', port: 5349 });
    expect(proxyProtocol.trust.map(({ text }) => text)).toEqual(['10.0.0.0/8']);
    expect(natDiscovery.ipv4).toEqual(['192.0.2.1', '192.0.2.2']);
    expect(alternateServers.tcp.map(formatTransportAddress)).toEqual(['192.0.2.9:3478', '[2001:db8::1]:443']);
    expect(limits.connections).toMatchObject({ queuedBytes: 65_536, handshakeMilliseconds: 1500 });
  });

  it.each([
    [{ TACITURN_LISTEN__EXTRA_PORTS: '443,70000' }, /a port from 1 to 65535/],
    [{ TACITURN_LISTEN__EXTRA_PORTS: '443,443' }, /already/],
    [{ TACITURN_LISTEN__EXTRA_PORTS: '3478' }, /listen\.port already/],
    [{ TACITURN_LISTEN__UDP: 'no', TACITURN_LISTEN__TCP: 'no' }, /nobody could come/],
    [{ TACITURN_TLS__CERTIFICATE_FILE: 'cert.pem' }, /TLS needs both/],
    [{ TACITURN_TLS__KEY_FILE: 'key.pem' }, /TLS needs both/],
    [
      { TACITURN_TLS__CERTIFICATE_FILE: 'c', TACITURN_TLS__KEY_FILE: 'k', TACITURN_LISTEN__TCP: 'no' },
      /TLS runs over TCP/,
    ],
    [{ TACITURN_PROXY_PROTOCOL__TRUST: '10.0.0.1', TACITURN_LISTEN__TCP: 'no' }, /PROXY headers come over TCP/],
    [{ TACITURN_NAT_DISCOVERY__IPV4: '192.0.2.1' }, /no address, or two different IPv4 addresses/],
    [{ TACITURN_NAT_DISCOVERY__IPV4: '192.0.2.1,192.0.2.1' }, /two different/],
    [{ TACITURN_NAT_DISCOVERY__IPV6: '192.0.2.1,2001:db8::1' }, /an IPv6 address/],
    [{ TACITURN_NAT_DISCOVERY__IPV4: '192.0.2.1,0.0.0.0' }, /an IPv4 address/],
    [
      { TACITURN_NAT_DISCOVERY__IPV4: '192.0.2.1,192.0.2.2', TACITURN_LISTEN__ADDRESSES: '192.0.2.1' },
      /among listen\.addresses/,
    ],
    [{ TACITURN_NAT_DISCOVERY__IPV4: '192.0.2.1,192.0.2.2', TACITURN_LISTEN__PORT: '3479' }, /must differ/],
    [{ TACITURN_NAT_DISCOVERY__IPV4: '192.0.2.1,192.0.2.2', TACITURN_LISTEN__UDP: 'no' }, /runs over UDP/],
    [{ TACITURN_ALTERNATE_SERVERS__UDP: 'turn.example.org:3478' }, /IP:port/],
    [{ TACITURN_ALTERNATE_SERVERS__UDP: '192.0.2.1' }, /IP:port/],
    [{ TACITURN_LIMITS__CONNECTIONS__HANDSHAKE: '11s' }, /part of the time until the first message/],
    [{ TACITURN_LIMITS__CONNECTIONS__QUEUED_BYTES: '1KB' }, /from 4KB to 64MB/],
  ])('refuses %j', (environment, expected) => {
    expect(complaints(environment as Record<string, string>)).toEqual([expect.stringMatching(expected)]);
  });
});
