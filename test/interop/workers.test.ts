import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { StunClient } from '../../src/client/stun-client.ts';
import type { TurnAllocation } from '../../src/client/turn-allocation.ts';
import type { TurnClient } from '../../src/client/turn-client.ts';
import { openUdpSocket } from '../../src/client/udp-socket.ts';
import { writeChangeRequest } from '../../src/stun/attributes/nat-behavior.ts';
import { IpAddress } from '../../src/stun/ip-address.ts';
import { AddressFamily } from '../../src/stun/protocol.ts';
import { type Credentials, connect } from './relay-client.ts';
import { Taciturn } from './taciturn.ts';
import { canRunWorkers } from './worker-bench.ts';

const WORKERS = 3;
const relay = (more = '') => `relay: { plane: batch, workers: ${WORKERS}${more} }`;

interface Session {
  readonly id: string;
  readonly client: string;
  readonly server: number;
}

type Client = readonly [TurnClient, TurnAllocation];

describe.skipIf(!canRunWorkers())('several workers behind one port', () => {
  let daemon: Taciturn;
  const clients: TurnClient[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await daemon?.stop();
  });

  async function many(count: number, credentials?: Credentials): Promise<TurnClient[]> {
    const connected = await Promise.all(Array.from({ length: count }, () => connect(daemon.port, credentials)));
    clients.push(...connected);
    return connected;
  }

  /** Lets many clients allocate at once; how each fared, and who got an allocation. */
  async function rush(count: number, credentials?: Credentials): Promise<{ codes: number[]; granted: Client[] }> {
    const rushing = await many(count, credentials);
    const answers = await Promise.all(rushing.map((client) => client.allocate()));
    const granted = answers.flatMap((answer, i) => (answer.ok ? [[rushing[i]!, answer.value] as const] : []));
    const codes = answers.map((answer) => (answer.ok ? 200 : ((answer.error as { code?: number }).code ?? 0)));
    return { codes, granted };
  }

  /** All sessions, page by page. */
  async function sessions(limit: number): Promise<Session[]> {
    const all: Session[] = [];
    for (let cursor = ''; ; ) {
      const response = await daemon.fetch(`/v1/sessions?limit=${limit}${cursor}`);
      const page = (await response.json()) as { sessions: Session[]; next?: string };
      all.push(...page.sessions);
      if (page.next === undefined) return all;
      cursor = `&cursor=${page.next}`;
    }
  }

  function sessionOf([{ stun }]: Client, among: readonly Session[]): Session {
    return among.find(({ client }) => client === `127.0.0.1:${stun.socket.localAddress.port}`)!;
  }

  /** Two clients of different workers. */
  async function apart(): Promise<readonly [Client, Client]> {
    const { granted } = await rush(24);
    const all = await sessions(100);
    const [one] = granted as [Client];
    const other = granted.find((client) => sessionOf(client, all).server !== sessionOf(one, all).server);
    return [one, other!];
  }

  it('keep limits exactly, tell of every session, and drain together', async () => {
    daemon = await Taciturn.start(`limits: { allocations: 50, allocationsPerUser: 30 }\n${relay()}`);
    expect(daemon.report).toMatchObject({ plane: 'batch', workers: WORKERS });
    const { username, credential } = await daemon.issueCredential({ user: 'bob' });

    const first = await rush(100);
    expect(tally(first.codes)).toEqual({ 200: 30, 486: 70 });
    const second = await rush(100, { username, password: credential });
    expect(tally(second.codes)).toEqual({ 200: 20, 508: 80 });

    const all = await sessions(7);
    const granted = [...first.granted, ...second.granted];
    expect(new Set(all.map(({ client }) => client))).toEqual(
      new Set(granted.map(([{ stun }]) => `127.0.0.1:${stun.socket.localAddress.port}`)),
    );
    expect(all).toHaveLength(50);
    expect(new Set(all.map(({ server }) => server))).toEqual(new Set([1, 2, 3]));
    expect(await daemon.metric('taciturn_allocations')).toBe(50);
    expect(await daemon.metric('taciturn_users')).toBe(2);
    // A request that is sent again, because its answer took long, is answered again.
    expect(await daemon.metric('taciturn_errors_total', 'code="486"')).toBeGreaterThanOrEqual(70);
    expect(await daemon.metric('taciturn_errors_total', 'code="508"')).toBeGreaterThanOrEqual(80);
    expect(await daemon.metric('taciturn_challenges_total')).toBeGreaterThanOrEqual(200);

    // One of each worker is ended; the others live on.
    const ended = [1, 2, 3].map((server) => all.find((session) => session.server === server)!);
    for (const { id } of ended) {
      expect(await (await daemon.fetch(`/v1/sessions/${id}`)).json()).toMatchObject({ id });
      expect((await daemon.fetch(`/v1/sessions/${id}`, { method: 'DELETE' })).status).toBe(204);
    }
    const refreshed = await Promise.all(granted.map(([, allocation]) => allocation.refresh()));
    const gone = granted.filter((_, i) => !refreshed[i]!.ok).map((client) => sessionOf(client, all));
    expect(new Set(gone)).toEqual(new Set(ended));

    expect((await daemon.fetch('/v1/drain', { method: 'POST' })).status).toBe(202);
    expect(tally((await rush(24)).codes)).toEqual({ 508: 24 });
    expect(await daemon.metric('taciturn_allocations')).toBe(47);
  });

  it.each([
    ['', ''],
    [' behind a 1:1 NAT', ', ipv4: { external: 203.0.113.7 }'],
  ])('relay between their clients, both ways, over channels and without%s', async (_where, more) => {
    daemon = await Taciturn.start(relay(more));
    const pair = await apart();
    const COUNT = 100;
    for (const bound of [false, true]) {
      for (const [[, from], [, to]] of [pair, [pair[1], pair[0]]] as const) {
        if (bound) expect(await from.bindChannel(to.relayedAddress)).toMatchObject({ ok: true });
        else expect(await from.createPermission([to.relayedAddress])).toMatchObject({ ok: true });
      }
      for (const [[, from], [, to]] of [pair, [pair[1], pair[0]]] as const) {
        const sent = Array.from({ length: COUNT }, () => randomBytes(200));
        const arrived: Buffer[] = [];
        to.onData = (peer, bytes) => {
          expect(peer).toEqual(from.relayedAddress);
          arrived.push(Buffer.from(bytes));
        };
        for (const bytes of sent) from.send(to.relayedAddress, bytes);
        await expect.poll(() => arrived.length, { timeout: 5000 }).toBe(COUNT);
        expect(arrived).toEqual(sent);
      }
    }
    for (const direction of ['from_client', 'to_client']) {
      const label = `direction="${direction}"`;
      expect(await daemon.metric('taciturn_relayed_packets_total', label)).toBe(4 * COUNT);
      expect(await daemon.metric('taciturn_relayed_bytes_total', label)).toBe(4 * COUNT * 200);
    }
    expect(await daemon.metric('taciturn_dropped_packets_total')).toBe(0);
  });

  it('redeem each other’s reservation tokens, once', async () => {
    daemon = await Taciturn.start(relay());
    const [reserving] = (await many(1)) as [TurnClient];
    const pair = await reserving.allocate({ evenPort: 'even-and-reserve-next' });
    if (!pair.ok) throw new Error(JSON.stringify(pair.error));
    const { reservationToken, relayedAddresses } = pair.value.granted;
    const home = sessionOf([reserving, pair.value], await sessions(100)).server;
    // Whoever has an allocation is known by its worker; given back, the same five-tuple comes to the same one.
    const { granted } = await rush(24);
    const all = await sessions(100);
    const elsewhere = granted.find((client) => sessionOf(client, all).server !== home)!;
    await elsewhere[1].close();
    const redeemed = await elsewhere[0].allocate({ reservationToken: reservationToken! });
    if (!redeemed.ok) throw new Error(JSON.stringify(redeemed.error));
    expect(redeemed.value.relayedAddress.port).toBe(relayedAddresses[0].port + 1);
    expect(sessionOf([elsewhere[0], redeemed.value], await sessions(100)).server).not.toBe(home);

    const [late] = (await many(1)) as [TurnClient];
    expect(await late.allocate({ reservationToken: reservationToken! })).toMatchObject({ error: { code: 508 } });
  });

  it('answer from the other address and port whichever was asked (RFC 5780)', async () => {
    const discovery = 'natDiscovery: { ipv4: [127.0.0.1, 127.0.0.2], alternatePort: 0 }';
    daemon = await Taciturn.start(`${relay()}\n${discovery}`, { listen: ['127.0.0.1', '127.0.0.2'] });
    const server = { ip: IpAddress.parse('127.0.0.1')!, port: daemon.port };
    const answers = await Promise.all(
      Array.from({ length: 16 }, async () => {
        const socket = await openUdpSocket({ family: AddressFamily.ipv4, localIp: server.ip });
        if (!socket.ok) throw new Error(JSON.stringify(socket.error));
        const stun = new StunClient(socket.value);
        const change = { changeIp: true, changePort: true };
        const answer = await stun.binding(server, (writer) => writeChangeRequest(writer, change), {
          fromAnywhere: true,
        });
        stun.close();
        return answer.ok ? `${answer.value.from.ip.text} ${answer.value.from.port !== daemon.port}` : answer.error;
      }),
    );
    expect(new Set(answers)).toEqual(new Set(['127.0.0.2 true']));
  });

  it('end at the deadline with 0, and tell of every allocation that they end', async () => {
    daemon = await Taciturn.start(`shutdown: { deadline: 500ms }\n${relay()}`);
    await rush(24);
    void daemon.program.stop('SIGTERM');
    expect(await daemon.program.exited).toBe(0);
    const ends = daemon.log.filter(({ event }) => event === 'allocation-ended');
    expect(ends).toHaveLength(24);
    expect(new Set(ends.map(({ reason }) => reason))).toEqual(new Set(['shutdown']));
    expect(daemon.log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  });
});

function tally(codes: readonly number[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const code of codes) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}
