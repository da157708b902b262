import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CertificateAuthority } from '../interop/certificates.ts';
import { requirePeer } from '../interop/peers.ts';
import { offeredOver, Taciturn } from '../interop/taciturn.ts';
import { type CallingBrowser, type CallReport, startChromium } from './chromium.ts';

const installed = ['chromium', 'certutil', 'openssl', 'npm:playwright-core'].map(requirePeer).every(Boolean);

describe.skipIf(!installed)('two peers in a page of Chromium that may only use a relay', { timeout: 60_000 }, () => {
  let authority: CertificateAuthority;
  let server: Taciturn;
  let browser: CallingBrowser;
  beforeAll(async () => {
    authority = new CertificateAuthority();
    const { certFile, keyFile } = authority.issue();
    server = await Taciturn.start(`tls: { certificateFile: ${certFile}, keyFile: ${keyFile}, port: 0 }`);
    browser = await startChromium(authority.caFile);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    authority?.remove();
  });

  for (const transport of ['udp', 'tcp', 'tls'] as const) {
    it(`talk and see each other over ${transport}`, async () => {
      const before = await server.metric('taciturn_relayed_packets_total');
      const { iceServers } = await server.issueCredential({ user: 'browser' });
      const report = await browser.call(offeredOver(transport, iceServers));
      const pair = { local: 'relay', remote: 'relay', relayProtocol: transport };
      expect(report).toMatchObject({ echoed: 1000, pairs: [pair, pair] });
      expectVideo(report);
      expect(await server.metric('taciturn_relayed_packets_total')).toBeGreaterThan(before + 1000);
    });
  }

  it('talk and see each other with everything that was issued, as it came', async () => {
    const { iceServers } = await server.issueCredential({ user: 'browser' });
    const report = await browser.call(iceServers);
    const pair = { local: 'relay', remote: 'relay' };
    expect(report).toMatchObject({ echoed: 1000, pairs: [pair, pair] });
    expectVideo(report);
  });

  it('get no relay over TLS when nobody vouches for the certificate', async () => {
    const { iceServers } = await server.issueCredential({ user: 'browser' });
    const stranger = await startChromium();
    try {
      await expect(stranger.call(offeredOver('tls', iceServers))).rejects.toThrow(/no relay was to be had/);
    } finally {
      await stranger.close();
    }
  });
});

function expectVideo({ framesShown, framesDecoded }: CallReport): void {
  expect(framesShown).toBeGreaterThan(0);
  expect(framesDecoded).toBeGreaterThanOrEqual(framesShown);
}
