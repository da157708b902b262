import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type OpenAllocationOptions, openAllocation } from '../../src/client/open-allocation.ts';
import { diagnosticRetransmission } from '../../src/client/retransmission.ts';
import type { ServerEndpoint, ServerTransport } from '../../src/client/server-endpoint.ts';
import { openTurnClient } from '../../src/client/turn-client.ts';
import { openUdpSocket } from '../../src/client/udp-socket.ts';
import { formatTransportAddress, IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { AddressFamily } from '../../src/stun/protocol.ts';
import { CertificateAuthority } from './certificates.ts';
import { type Coturn, coturnUser, startCoturn } from './coturn.ts';
import { freeUdpPort, requirePeer } from './peers.ts';
import { Taciturn } from './taciturn.ts';

const coturnInstalled = requirePeer('turnserver') && requirePeer('openssl');
const loopback = IpAddress.parse('127.0.0.1')!;

function to(address: TransportAddress, transport: ServerTransport = 'udp'): ServerEndpoint {
  return { transport, address, via: 'literal', host: '127.0.0.1', serverName: '127.0.0.1' };
}

/** Where the allocation was made, or why there is none; what was tried, in either case. */
async function outcome(endpoints: readonly ServerEndpoint[], options: Partial<OpenAllocationOptions> = {}) {
  const opened = await openAllocation({
    endpoints,
    credentials: coturnUser,
    retransmission: diagnosticRetransmission(),
    ...options,
  });
  const { attempts } = opened.ok ? opened.value : opened.error;
  const kinds = attempts.map(({ failure }) => failure?.kind ?? 'open');
  if (!opened.ok) return { kind: opened.error.kind, kinds };
  const { endpoint } = opened.value;
  await opened.value.close();
  return { kind: 'open', kinds, where: `${endpoint.via} ${formatTransportAddress(endpoint.address)}` };
}

describe.skipIf(!coturnInstalled)('the client with coturn', () => {
  let authority: CertificateAuthority;
  let target: Coturn;

  beforeAll(async () => {
    authority = new CertificateAuthority();
    target = await startCoturn({ streams: { certificate: authority.issue() } });
  });

  afterAll(async () => {
    await target?.stop();
    authority?.remove();
  });

  it.each(['udp', 'tcp'] as const)('follows its --alternate-server over %s', async (transport) => {
    const alternate = formatTransportAddress(target.address);
    const coturn = await startCoturn({ streams: {}, args: ['--alternate-server', alternate] });
    onTestFinished(() => coturn.stop());
    expect(await outcome([to(coturn.address, transport)])).toEqual({
      kind: 'open',
      kinds: ['redirected', 'open'],
      where: `redirect ${alternate}`,
    });
  });

  it('follows it over TLS, and still asks for a certificate', async () => {
    const coturn = await startCoturn({
      streams: { certificate: authority.issue() },
      args: ['--tls-alternate-server', `127.0.0.1:${target.securePort}`],
    });
    onTestFinished(() => coturn.stop());
    const endpoint = to({ ip: loopback, port: coturn.securePort }, 'tls');
    expect(await outcome([endpoint], { trusted: authority.ca })).toMatchObject({
      where: `redirect 127.0.0.1:${target.securePort}`,
    });
    expect(await outcome([{ ...endpoint, serverName: 'turn.example.org' }], { trusted: authority.ca })).toEqual({
      kind: 'certificate-rejected',
      kinds: ['certificate-rejected'],
    });
  });

  it('is not sent round in a circle', async () => {
    const ports = [await freeUdpPort(), await freeUdpPort()] as const;
    // The last port that coturn is given counts.
    const coturns = await Promise.all(
      ports.map((port, n) =>
        startCoturn({ args: ['-p', String(port), '--alternate-server', `127.0.0.1:${ports[1 - n]}`] }),
      ),
    );
    onTestFinished(async () => {
      await Promise.all(coturns.map((coturn) => coturn.stop()));
    });
    expect(await outcome([to({ ip: loopback, port: ports[0] })])).toEqual({
      kind: 'bad-redirect',
      kinds: ['redirected', 'redirected'],
    });
  });

  it('takes another local port when the server has an allocation for this one', async () => {
    const first = await openTurnClient({ server: target.address, credentials: coturnUser });
    if (!first.ok) throw new Error(first.error.message);
    const allocation = await first.value.allocate();
    if (!allocation.ok) throw new Error(allocation.error.kind);
    const { port } = first.value.stun.socket.localAddress;
    // As a program that crashed would: the server is not told.
    allocation.value.abandon();
    first.value.close();
    const localPorts = [port, 0];
    const open: OpenAllocationOptions['open'] = ({ address }) =>
      openUdpSocket({ family: AddressFamily.ipv4, connectTo: address, localPort: localPorts.shift() ?? 0 });
    expect(await outcome([to(target.address)], { open })).toMatchObject({ kinds: ['port-in-use', 'open'] });
  });

  it('goes on from a port where nobody is', async () => {
    const nobody = { ip: loopback, port: await freeUdpPort() };
    expect(await outcome([to(nobody), to(nobody, 'tcp'), to(target.address)])).toMatchObject({
      kinds: ['unreachable', 'unreachable', 'open'],
    });
  });
});

describe('the client with a server of ours', () => {
  it('is sent on while it drains', async () => {
    const other = await Taciturn.start('', { listen: ['127.0.0.1'] });
    onTestFinished(() => other.stop());
    const where = `127.0.0.1:${other.port}`;
    const draining = await Taciturn.start(`alternateServers: { udp: ["${where}"] }`, { listen: ['127.0.0.1'] });
    onTestFinished(() => draining.stop());
    const endpoint = to({ ip: loopback, port: draining.port });
    const credentials = { username: 'alice', password: 'correct horse' };
    expect(await outcome([endpoint], { credentials })).toMatchObject({ where: `literal 127.0.0.1:${draining.port}` });
    expect((await draining.fetch('/v1/drain', { method: 'POST' })).ok).toBe(true);
    expect(await outcome([endpoint], { credentials })).toEqual({
      kind: 'open',
      kinds: ['redirected', 'open'],
      where: `redirect ${where}`,
    });
  });
});
