import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { alice, allocate, connect, relay } from './relay-client.ts';
import { Taciturn } from './taciturn.ts';

interface Session {
  readonly id: string;
  readonly user: string;
  readonly client: string;
  readonly relayed: readonly string[];
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly permissions: number;
  readonly fromClient: { readonly packets: number; readonly bytes: number };
}

let daemon: Taciturn;
beforeEach(async () => {
  daemon = await Taciturn.start();
});
afterEach(() => daemon?.stop());

async function sessions(query = ''): Promise<readonly Session[]> {
  return ((await (await daemon.fetch(`/v1/sessions${query}`)).json()) as { sessions: Session[] }).sessions;
}

describe('live allocations over HTTP', () => {
  it('show who relays what', async () => {
    const { username, credential } = await daemon.issueCredential({ user: 'bob', label: 'room-7' });
    const [one, a] = await allocate(daemon.port, { username, password: credential });
    const [other, b] = await allocate(daemon.port);
    await relay(a, b, 'eleven byte');

    expect(await sessions()).toHaveLength(2);
    const [bob, ...more] = await sessions('?user=bob&label=room-7');
    expect(more).toEqual([]);
    expect(bob).toMatchObject({
      user: 'bob',
      label: 'room-7',
      client: `127.0.0.1:${one.stun.socket.localAddress.port}`,
      transport: 'udp',
      relayed: [`127.0.0.1:${a.relayedAddress.port}`],
      permissions: 1,
      toClient: { packets: 0, bytes: 0 },
    });
    expect(bob!.fromClient.packets).toBeGreaterThan(0);
    expect(bob!.fromClient.bytes).toBe(bob!.fromClient.packets * 'eleven byte'.length);
    expect(Date.parse(bob!.expiresAt) - Date.parse(bob!.createdAt)).toBe(600_000);
    expect(await (await daemon.fetch(`/v1/sessions/${bob!.id}`)).json()).toEqual(bob);
    for (const client of [one, other]) client.close();
  });

  it('end when an admin says so', async () => {
    const [client, allocation] = await allocate(daemon.port);
    const [{ id }] = (await sessions()) as [Session];
    expect((await daemon.fetch(`/v1/sessions/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await daemon.fetch(`/v1/sessions/${id}`)).status).toBe(404);
    expect((await daemon.fetch(`/v1/sessions/${id}`, { method: 'DELETE' })).status).toBe(404);
    expect(await allocation.refresh()).toMatchObject({ error: { code: 437 } });
    await daemon.program.waitFor(/"event":"allocation-ended"/);
    expect(daemon.log).toContainEqual(
      expect.objectContaining({ event: 'allocation-ended', allocation: id, reason: 'killed' }),
    );
    client.close();
  });
});

describe('POST /v1/drain', () => {
  it('refuses new allocations, and those that exist go on until the process is stopped', async () => {
    const [one, a] = await allocate(daemon.port);
    const [other, b] = await allocate(daemon.port);
    expect((await daemon.fetch('/v1/drain', { method: 'POST' })).status).toBe(202);
    expect((await daemon.fetch('/v1/drain', { method: 'POST' })).status).toBe(202);

    expect((await daemon.fetch('/readyz')).status).toBe(503);
    expect((await daemon.fetch('/healthz')).status).toBe(200);
    const stranger = await connect(daemon.port, alice);
    expect(await stranger.allocate()).toMatchObject({ ok: false, error: { code: 508 } });
    await relay(a, b, 'still relayed');
    expect(daemon.log.filter(({ event }) => event === 'draining')).toMatchObject([{ level: 'info', allocations: 2 }]);

    for (const allocation of [a, b]) await allocation.close();
    expect((await daemon.fetch('/healthz')).status).toBe(200);
    for (const client of [one, other, stranger]) client.close();
  });
});
