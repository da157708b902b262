import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CertificateAuthority } from './certificates.ts';
import { requirePeer } from './peers.ts';
import { Taciturn } from './taciturn.ts';
import { EchoPeer, losesNothing, sentMessages } from './uclient.ts';

const installed = ['turnutils_uclient', 'turnutils_peer', 'openssl'].map(requirePeer).every(Boolean);

describe.skipIf(!installed).concurrent("coturn's client over TCP and TLS", { timeout: 120_000 }, () => {
  let authority: CertificateAuthority;
  let peer: EchoPeer;
  let daemon: Taciturn;

  beforeAll(async () => {
    authority = new CertificateAuthority();
    const { certFile, keyFile } = authority.issue();
    [peer, daemon] = await Promise.all([
      EchoPeer.start(),
      Taciturn.start(`
tls: { certificateFile: ${certFile}, keyFile: ${keyFile}, port: 0 }
relay: { rfc5766Channels: true, peers: { allow: [127.0.0.1] } }`),
    ]);
  });

  afterAll(async () => {
    await Promise.all([peer?.stop(), daemon?.stop()]);
    authority?.remove();
  });

  it.each([
    ['over TCP', ['-t']],
    ['over TCP in Send indications', ['-t', '-s']],
    ['over TCP with padded channel data', ['-t', '-D']],
    ['over TLS', ['-t', '-S']],
    ['over TLS in Send indications', ['-t', '-S', '-s']],
    ['over TLS with padded channel data', ['-t', '-S', '-D']],
    ['over TCP through TCP relays', ['-T']],
    ['over TLS through TCP relays', ['-T', '-S']],
  ] as const)('loses nothing to a peer and back %s %j', async (_what, flags) => {
    const { sent } = await losesNothing(daemon, [...flags, ...peer.flags]);
    expect(sent).toBe(sentMessages);
  });

  it.each([
    ['over TCP', ['-t', '-y'], '127.0.0.1'],
    ['over TCP through IPv6 relays', ['-t', '-x', '-y'], '127.0.0.1'],
    ['over TCP on IPv6', ['-t', '-x', '-y'], '::1'],
    ['over TCP through dual allocations', ['-t', '-Z', '-y'], '127.0.0.1'],
    ['over TLS through IPv6 relays', ['-t', '-S', '-x', '-y'], '127.0.0.1'],
    ['over TLS on IPv6', ['-t', '-S', '-x', '-y'], '::1'],
    ['over TCP through TCP relays', ['-T', '-y'], '127.0.0.1'],
    ['over TLS through TCP relays', ['-T', '-S', '-y'], '127.0.0.1'],
  ] as const)('loses nothing from client to client %s %j', async (_what, flags, host) => {
    await losesNothing(daemon, flags, host);
  });
});
