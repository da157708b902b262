import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diagnosticRetransmission } from '../../src/client/retransmission.ts';
import type { TurnAllocation } from '../../src/client/turn-allocation.ts';
import { openTurnClient, type TurnClient, type TurnClientOptions } from '../../src/client/turn-client.ts';
import { formatTransportAddress, IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { AddressFamily } from '../../src/stun/protocol.ts';
import { type Coturn, coturnUser, startCoturn } from './coturn.ts';
import { requirePeer } from './peers.ts';

const installed = requirePeer('turnserver');

/** For requests whose answer cannot be trusted, so that all of the time is waited. */
const impatient = { initialTimeoutMs: 250, sends: 2, lastWaitFactor: 3 };

/** Everything of one test that is to be closed. */
const open: TurnClient[] = [];

async function connect(coturn: Coturn, options: Partial<TurnClientOptions> = {}): Promise<TurnClient> {
  const client = await openTurnClient({
    server: coturn.address,
    credentials: coturnUser,
    retransmission: diagnosticRetransmission(),
    ...options,
  });
  if (!client.ok) throw new Error(client.error.message);
  open.push(client.value);
  return client.value;
}

async function allocated(client: TurnClient): Promise<TurnAllocation> {
  const allocation = await client.allocate();
  if (!allocation.ok) throw new Error(JSON.stringify(allocation.error));
  return allocation.value;
}

/** The next datagrams that arrive, as `port text`, oldest first. */
function arrivals(allocation: TurnAllocation, count: number): Promise<string[]> {
  const texts: string[] = [];
  return new Promise((resolve) => {
    allocation.onData = (peer: TransportAddress, bytes: Buffer) => {
      texts.push(`${peer.port} ${bytes.toString()}`);
      if (texts.length === count) resolve(texts);
    };
  });
}

describe.skipIf(!installed)('the client with coturn', () => {
  let coturn: Coturn;

  beforeAll(async () => {
    coturn = await startCoturn({ args: ['--allow-loopback-peers', '--user-quota', '8'] });
  });

  afterAll(async () => {
    for (const client of open) client.close();
    await coturn?.stop();
  });

  it('learns its own address', async () => {
    const client = await connect(coturn);
    const answer = await client.binding();
    if (!answer.ok) throw new Error(answer.error.kind);
    expect(formatTransportAddress(answer.value.mappedAddress)).toBe(
      formatTransportAddress(client.stun.socket.localAddress),
    );
  });

  it('relays both ways, in indications and over channels, refreshes, and gives everything back', async () => {
    const [a, b] = [await allocated(await connect(coturn)), await allocated(await connect(coturn))];
    expect(a.granted.lifetimeSeconds).toBe(600);
    expect((await a.createPermission([b.relayedAddress])).ok).toBe(true);
    expect((await b.createPermission([a.relayedAddress])).ok).toBe(true);

    const atB = arrivals(b, 1);
    a.send(b.relayedAddress, Buffer.from('in an indication'));
    expect(await atB).toEqual([`${a.relayedAddress.port} in an indication`]);

    expect(await a.bindChannel(b.relayedAddress)).toEqual({ ok: true, value: 0x4000 });
    expect(await a.bindChannel(b.relayedAddress)).toEqual({ ok: true, value: 0x4000 });
    expect((await b.bindChannel(a.relayedAddress)).ok).toBe(true);
    const atA = arrivals(a, 2);
    b.send(a.relayedAddress, Buffer.from('over a channel'));
    b.send(a.relayedAddress, Buffer.from('in an indication again'), { dontFragment: true });
    expect(await atA).toEqual([
      `${b.relayedAddress.port} over a channel`,
      `${b.relayedAddress.port} in an indication again`,
    ]);

    expect(await a.refresh(900)).toEqual({ ok: true, value: 900 });
    for (const allocation of [a, b]) expect((await allocation.close()).ok).toBe(true);
  });

  it('reports wrong credentials', async () => {
    for (const credentials of [
      { username: 'user', password: 'wrong' },
      { username: 'nobody', password: 'pass' },
    ]) {
      const client = await connect(coturn, { credentials });
      expect(await client.allocate()).toMatchObject({ ok: false, error: { code: 401, authenticated: true } });
    }
  });

  it('reports a second allocation from the same address and port', async () => {
    const client = await connect(coturn, { retransmission: impatient });
    const allocation = await allocated(client);
    // coturn says 437 before it looks at the credentials, so without integrity: the client must not believe it, and says so.
    expect(await client.allocate()).toMatchObject({
      ok: false,
      error: { kind: 'integrity-violated', claimed: { code: 437 } },
    });
    await allocation.close();
  });

  it('reports a transport that the server does not relay', async () => {
    const client = await connect(coturn);
    const answer = await client.allocate({ transportProtocol: 132 });
    // RFC 8656 §7.2 has 442 for this; coturn 4.6 answers 400.
    expect(answer).toMatchObject({ ok: false, error: { kind: 'error-response', code: 400, authenticated: true } });
  });

  it('gets an even port, and the next one by its token', async () => {
    const even = await (await connect(coturn)).allocate({ evenPort: 'even-and-reserve-next' });
    if (!even.ok) throw new Error(JSON.stringify(even.error));
    const { relayedAddress, granted } = even.value;
    expect(relayedAddress.port % 2).toBe(0);
    const reservationToken = granted.reservationToken!;
    const next = await (await connect(coturn)).allocate({ reservationToken });
    if (!next.ok) throw new Error(JSON.stringify(next.error));
    expect(next.value.relayedAddress.port).toBe(relayedAddress.port + 1);
    for (const allocation of [even.value, next.value]) await allocation.close();
  });

  it('reports an address family that the server has not', async () => {
    const client = await connect(coturn);
    expect(await client.allocate({ addressFamily: AddressFamily.ipv6 })).toMatchObject({ error: { code: 440 } });
  });

  it('reports a full quota', async () => {
    const allocations: TurnAllocation[] = [];
    let refused: unknown;
    while (!refused && allocations.length <= 8) {
      const allocation = await (await connect(coturn)).allocate();
      if (allocation.ok) allocations.push(allocation.value);
      else refused = allocation.error;
    }
    expect(refused).toMatchObject({ kind: 'error-response', code: 486 });
    for (const allocation of allocations) await allocation.close();
  });
});

describe.skipIf(!installed)('the client with a coturn that refuses loopback peers', () => {
  let coturn: Coturn;

  beforeAll(async () => {
    coturn = await startCoturn({ args: ['--stale-nonce=600'] });
  });

  afterAll(async () => {
    await coturn?.stop();
  });

  it('reports a peer that is not allowed', async () => {
    const client = await connect(coturn);
    const allocation = await allocated(client);
    const peer = { ip: IpAddress.parse('127.0.0.1')!, port: 9 };
    expect(await allocation.createPermission([peer])).toMatchObject({ error: { kind: 'error-response', code: 403 } });
    expect(await allocation.bindChannel(peer)).toMatchObject({ error: { kind: 'error-response', code: 403 } });
    await allocation.close();
    client.close();
  });
});

describe.skipIf(!installed)('the client with coturn on IPv6', () => {
  let coturn: Coturn;

  beforeAll(async () => {
    coturn = await startCoturn({ host: '::1', args: ['--allow-loopback-peers', '-A', 'ipv6'] });
  });

  afterAll(async () => {
    await coturn?.stop();
  });

  it('relays between two IPv6 addresses', async () => {
    const clients = [await connect(coturn), await connect(coturn)] as const;
    const [a, b] = await Promise.all(
      clients.map(async (client) => {
        const allocation = await client.allocate({ addressFamily: AddressFamily.ipv6 });
        if (!allocation.ok) throw new Error(JSON.stringify(allocation.error));
        return allocation.value;
      }),
    );
    expect(a!.relayedAddress.ip.family).toBe(AddressFamily.ipv6);
    await a!.createPermission([b!.relayedAddress]);
    await b!.bindChannel(a!.relayedAddress);
    const atA = arrivals(a!, 1);
    b!.send(a!.relayedAddress, Buffer.from('six'));
    expect(await atA).toEqual([`${b!.relayedAddress.port} six`]);
    for (const allocation of [a!, b!]) await allocation.close();
    for (const client of clients) client.close();
  });
});
