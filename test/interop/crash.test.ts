/** The process is killed in the middle of traffic and issuing, again and again: nothing is corrupt and nothing of worth is lost. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { allocate, relay } from './relay-client.ts';
import { type IssuedCredential, Taciturn } from './taciturn.ts';

const DEATHS = 20;

let daemon: Taciturn;
beforeEach(async () => {
  daemon = await Taciturn.start();
});
afterEach(() => daemon?.stop());

interface Usage {
  readonly fromClient: { readonly bytes: number };
  readonly allocations: number;
}

async function create(path: string, body: object): Promise<{ readonly key: string; readonly id: string }> {
  const response = await daemon.fetch(path, { method: 'POST', body: JSON.stringify(body) });
  expect(response.status).toBe(201);
  return (await response.json()) as { key: string; id: string };
}

async function usageOf(label: string): Promise<Usage> {
  const response = await daemon.fetch(`/v1/usage?label=${label}`);
  expect(response.status).toBe(200);
  const { usage } = (await response.json()) as { usage: Usage[] };
  return usage[0] ?? { fromClient: { bytes: 0 }, allocations: 0 };
}

it(`dies ${DEATHS} times, keeps keys, revocations and usage, and serves again`, { timeout: 180_000 }, async () => {
  const keys: { key: string; id: string }[] = [];
  const revoked: string[] = [];
  for (let death = 1; death <= DEATHS; death++) {
    const key = await create('/v1/keys', { name: `app ${death}`, scopes: ['issue'] });
    keys.push(key);
    const { username, credential } = await daemon.issueCredential({ user: 'bob', label: `life-${death}` });
    const [one, a] = await allocate(daemon.port, { username, password: credential });
    const [other, b] = await allocate(daemon.port);
    await relay(a, b, 'eleven byte');
    const gone = await daemon.issueCredential({ user: 'eve' });
    const path = `/v1/credentials/${encodeURIComponent(gone.username)}`;
    expect((await daemon.fetch(path, { method: 'DELETE' })).status).toBe(204);
    revoked.push(gone.username);
    // What was relayed is in the store seconds later; then it dies in the middle of more.
    await expect.poll(async () => (await usageOf(`life-${death}`)).fromClient.bytes).toBeGreaterThanOrEqual(11);
    const before = await usageOf(`life-${death}`);
    const busy = Array.from({ length: 20 }, (_, i) =>
      daemon.issueCredential({ user: `user-${i}` }).catch((): IssuedCredential | undefined => undefined),
    );
    for (let i = 0; i < 50; i++) a.send(b.relayedAddress, Buffer.from('more of the same'));
    daemon = await daemon.restart();
    await Promise.all(busy);
    for (const client of [one, other]) client.close();

    expect((await usageOf(`life-${death}`)).fromClient.bytes).toBeGreaterThanOrEqual(before.fromClient.bytes);
    expect((await usageOf(`life-${death}`)).allocations).toBe(1);
  }
  const listed = (await (await daemon.fetch('/v1/keys')).json()) as { keys: { id: string }[] };
  expect(listed.keys.map(({ id }) => id)).toEqual(expect.arrayContaining(keys.map(({ id }) => id)));
  const headers = { authorization: `Bearer ${keys[0]!.key}` };
  expect((await fetch(`${daemon.http}/v1/credentials`, { method: 'POST', headers })).status).toBe(201);
  for (const username of revoked.slice(-3)) {
    const path = `/v1/credentials/${encodeURIComponent(username)}`;
    expect((await daemon.fetch(path, { method: 'DELETE' })).status).toBe(204);
  }
});
