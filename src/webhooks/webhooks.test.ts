import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../test/client/virtual-clock.ts';
import { type ArrivedRequest, VirtualService } from '../../test/client/virtual-service.ts';
import { SeededRandom } from '../../test/virtual-network/seeded-random.ts';
import { unixSeconds } from '../turn/time.ts';
import type { WebhookEvent } from './webhook-message.ts';
import { type WebhookOptions, Webhooks } from './webhooks.ts';

const url = 'https://example.org/hooks/token-in-the-path';
const secret = 'a secret of the webhooks';
const started = 1_800_000_000;

function setUp(options: Partial<WebhookOptions> = {}, realFetch?: typeof fetch) {
  const clock = new VirtualClock();
  const service = new VirtualService(clock);
  const warnings: { readonly facts: Record<string, unknown>; readonly message: string }[] = [];
  const webhooks = new Webhooks(
    {
      urls: [url],
      secret,
      events: ['allocation-created', 'allocation-ended', 'budget-reached'],
      timeoutMs: 5000,
      attempts: 3,
      queue: 100,
      addresses: 'full',
      ...options,
    },
    {
      clock,
      unixNow: () => unixSeconds(started + clock.now() / 1000),
      fetch: realFetch ?? service.fetch,
      random: new SeededRandom(7),
      log: { warn: (facts, message) => warnings.push({ facts: { ...facts }, message }) },
    },
  );
  return { clock, service, webhooks, warnings };
}

const allocation = (id: string) => ({
  id,
  user: 'alice',
  label: 'room-7',
  issuer: 'key1',
  client: { ip: '198.51.100.7', port: 4000 },
  transport: 'udp' as const,
});

const created = (id: string): WebhookEvent => ({
  kind: 'allocation-created',
  allocation: allocation(id),
  relayed: ['192.0.2.1:50000'],
  lifetimeSeconds: 600,
});

const ended = (id: string): WebhookEvent => ({
  kind: 'allocation-ended',
  allocation: allocation(id),
  reason: 'expired',
  seconds: 61,
  fromClient: { packets: 1, bytes: 4 },
  toClient: { packets: 2, bytes: 8 },
});

const told = (requests: readonly ArrivedRequest[]) =>
  requests.map(({ json }) => `${json.data.allocation} ${json.event}`);

describe('webhooks', () => {
  it('tell what happened, with an id, the time and the facts', async () => {
    const { clock, service, webhooks } = setUp();
    webhooks.tell(created('a1'));
    await clock.advance(0);
    webhooks.tell(ended('a1'));
    webhooks.tell({ kind: 'budget-reached', key: 'key1', period: 'day', bytes: 1000 });
    await clock.advance(0);
    const whose = {
      allocation: 'a1',
      user: 'alice',
      label: 'room-7',
      key: 'key1',
      client: '198.51.100.7:4000',
      transport: 'udp',
    };
    const at = '2027-01-15T08:00:00.000Z';
    const id = expect.stringMatching(/^[\w-]{22}$/);
    expect(service.arrived.map(({ json }) => json)).toEqual([
      { id, at, event: 'allocation-created', data: { ...whose, relayed: ['192.0.2.1:50000'], lifetimeSeconds: 600 } },
      {
        id,
        at,
        event: 'allocation-ended',
        data: {
          ...whose,
          reason: 'expired',
          seconds: 61,
          fromClient: { packets: 1, bytes: 4 },
          toClient: { packets: 2, bytes: 8 },
        },
      },
      { id, at, event: 'budget-reached', data: { key: 'key1', period: 'day', bytes: 1000 } },
    ]);
    expect(new Set(service.arrived.map(({ json }) => json.id)).size).toBe(3);
    expect(webhooks.counts).toEqual({ delivered: 3, retried: 0, dropped: 0 });
    expect(clock.armed).toBe(0);
  });

  it('sign each attempt with its own time', async () => {
    const { clock, service, webhooks } = setUp();
    service.answer = () => ({ status: service.arrived.length === 1 ? 503 : 204 });
    webhooks.tell(created('a1'));
    await clock.advance(2000);
    const signatures = service.arrived.map(({ headers }) => headers.get('taciturn-signature'));
    expect(signatures).toEqual(
      service.arrived.map(({ at, body }) => {
        const t = Math.floor(started + at / 1000);
        return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')}`;
      }),
    );
    expect(service.arrived[0]!.body).toBe(service.arrived[1]!.body);
    expect(service.arrived[0]!.headers.get('content-type')).toBe('application/json');
  });

  it('tell nobody about events that nobody wants', async () => {
    const { clock, service, webhooks } = setUp({ events: ['allocation-ended'] });
    webhooks.tell(created('a1'));
    webhooks.tell(ended('a1'));
    await clock.advance(0);
    expect(told(service.arrived)).toEqual(['a1 allocation-ended']);
  });

  it.each([
    ['truncated', '198.51.100.0/24'],
    ['hidden', 'hidden'],
  ] as const)('tell addresses of clients %s', async (addresses, client) => {
    const { clock, service, webhooks } = setUp({ addresses });
    webhooks.tell(created('a1'));
    await clock.advance(0);
    expect(service.arrived[0]!.json.data.client).toBe(client);
  });

  it.each([
    ['answers with an error', { status: 500 }, 'status 500'],
    ['sends elsewhere', { status: 302 }, 'status 302'],
    ['cannot be reached', {}, 'ECONNREFUSED'],
    ['never answers', 'never', 'no answer within 5000 ms'],
  ] as const)('are tried ever more slowly and then given up when the receiver %s', async (_, answer, why) => {
    const { clock, service, webhooks, warnings } = setUp();
    service.answer = () => answer;
    webhooks.tell(created('a1'));
    await clock.advance(60_000);
    const taking = answer === 'never' ? 5000 : 0;
    const [first, second, third] = service.arrived.map(({ at }) => at);
    expect(service.arrived).toHaveLength(3);
    expect(first).toBe(0);
    expect(second! - first! - taking).toBeGreaterThanOrEqual(500);
    expect(second! - first! - taking).toBeLessThanOrEqual(1000);
    expect(third! - second! - taking).toBeGreaterThanOrEqual(1500);
    expect(third! - second! - taking).toBeLessThanOrEqual(3000);
    expect(webhooks.counts).toEqual({ delivered: 0, retried: 2, dropped: 1 });
    expect(webhooks.queued).toBe(0);
    expect(clock.armed).toBe(0);
    expect(warnings).toHaveLength(3);
    expect(warnings.map(({ facts }) => facts)).toMatchObject([
      { why, dropped: false },
      { why },
      { why, dropped: true },
    ]);
    expect(JSON.stringify(warnings)).not.toContain('token-in-the-path');
  });

  it('do not fill the log when a receiver is down', async () => {
    const { clock, service, webhooks, warnings } = setUp({ attempts: 20, queue: 10_000 });
    service.answer = () => ({});
    for (let i = 0; i < 1000; i++) webhooks.tell(created(`a${i}`));
    await clock.advance(600_000);
    expect(warnings.length).toBeLessThanOrEqual(15);
    // Sixteen lanes with a pause of up to five minutes each.
    expect(service.arrived.length).toBeLessThan(16 * 10);
    expect(webhooks.queued).toBe(1000);
  });

  it('tell of one allocation in order, and let others pass meanwhile', async () => {
    const { clock, service, webhooks } = setUp();
    const ids = Array.from({ length: 40 }, (_, i) => `a${i}`);
    service.answer = ({ json }) => ({
      status: json.data.allocation === 'a0' && service.arrived.length < 30 ? 500 : 200,
    });
    for (const id of ids) webhooks.tell(created(id));
    for (const id of ids) webhooks.tell(ended(id));
    await clock.advance(0);
    expect(webhooks.counts.delivered).toBeGreaterThan(60);
    await clock.advance(10_000);
    expect(webhooks.counts).toEqual({ delivered: 80, retried: 1, dropped: 0 });
    const order = told(service.arrived);
    for (const id of ids) {
      expect(order.lastIndexOf(`${id} allocation-created`)).toBeLessThan(order.indexOf(`${id} allocation-ended`));
    }
  });

  it('reach a receiver by no more than sixteen requests at once', async () => {
    const { clock, service, webhooks } = setUp();
    service.answer = () => ({ afterMs: 10, status: 200 });
    for (let i = 0; i < 100; i++) webhooks.tell(created(`a${i}`));
    await clock.advance(1000);
    expect(service.mostOpen).toBe(16);
    expect(webhooks.counts.delivered).toBe(100);
  });

  it('drop the oldest message that waits when there are too many', async () => {
    const { clock, service, webhooks } = setUp({ queue: 20 });
    service.answer = () => 'never';
    for (let i = 0; i < 50; i++) webhooks.tell(created(`a${i}`));
    await clock.advance(0);
    expect(webhooks.queued).toBe(20);
    expect(webhooks.counts.dropped).toBe(30);
    const sending = new Set(told(service.arrived));
    service.answer = () => ({ status: 200 });
    await clock.advance(10_000);
    expect(webhooks.counts).toMatchObject({ delivered: 20, dropped: 30 });
    const all = new Set(told(service.arrived));
    const newest = Array.from({ length: 20 - sending.size }, (_, i) => `a${49 - i} allocation-created`);
    expect(newest.filter((message) => !all.has(message))).toEqual([]);
  });

  it('drop a message that waits to be tried again, too', async () => {
    const { clock, service, webhooks } = setUp({ queue: 1 });
    service.answer = () => ({ status: 500 });
    webhooks.tell(created('a1'));
    await clock.advance(0);
    service.answer = () => ({ status: 200 });
    webhooks.tell(created('a2'));
    await clock.advance(5000);
    expect(told(service.arrived)).toEqual(['a1 allocation-created', 'a2 allocation-created']);
    expect(webhooks.counts).toEqual({ delivered: 1, retried: 1, dropped: 1 });
    expect(webhooks.queued).toBe(0);
  });

  it('keep one receiver out of the trouble of another', async () => {
    const other = 'https://other.example.org/';
    const { clock, service, webhooks } = setUp({ urls: [url, other, other] });
    service.answer = (request) => ({ status: request.url === url ? 500 : 200 });
    webhooks.tell(created('a1'));
    webhooks.tell(ended('a1'));
    await clock.advance(0);
    expect(told(service.arrived.filter((request) => request.url === other))).toEqual([
      'a1 allocation-created',
      'a1 allocation-ended',
    ]);
  });
});

describe('webhooks of a real server', () => {
  it('reach it in the end, over a connection that is kept', async () => {
    const arrived: unknown[] = [];
    const connections = new Set<unknown>();
    const server = createServer(async (request, response) => {
      connections.add(request.socket);
      const message = (await json(request)) as { event: string; data: { allocation: string } };
      arrived.push(`${message.data.allocation} ${message.event}`);
      response.writeHead(arrived.length === 1 ? 503 : 204).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { clock, webhooks } = setUp({ urls: [`http://127.0.0.1:${port}/hook`] }, fetch);
    webhooks.tell(created('a1'));
    webhooks.tell(ended('a1'));
    await expect.poll(() => webhooks.counts.retried).toBe(1);
    await clock.advance(1000);
    await expect.poll(() => webhooks.counts.delivered).toBe(2);
    for (let i = 0; i < 100; i++) webhooks.tell(created(`b${i}`));
    await webhooks.close();
    server.close();
    server.closeAllConnections();
    expect(webhooks.counts).toEqual({ delivered: 102, retried: 1, dropped: 0 });
    expect(arrived.slice(0, 3)).toEqual(['a1 allocation-created', 'a1 allocation-created', 'a1 allocation-ended']);
    expect(connections.size).toBeLessThan(50);
    expect(clock.armed).toBe(0);
  });
});

describe('the end of webhooks', () => {
  it('gives what waits a last chance', async () => {
    const { clock, service, webhooks } = setUp();
    service.answer = () => ({ status: 500 });
    webhooks.tell(created('a1'));
    webhooks.tell(ended('a1'));
    await clock.advance(0);
    service.answer = () => ({ afterMs: 100, status: 200 });
    const closed = webhooks.close();
    webhooks.tell(created('a2'));
    await clock.until(closed);
    expect(clock.now()).toBe(200);
    expect(webhooks.counts).toEqual({ delivered: 2, retried: 1, dropped: 1 });
    expect(clock.armed).toBe(0);
  });

  it('does not wait longer than two seconds', async () => {
    const { clock, service, webhooks } = setUp();
    service.answer = () => 'never';
    for (let i = 0; i < 50; i++) webhooks.tell(created(`a${i}`));
    await clock.until(webhooks.close());
    expect(clock.now()).toBe(2000);
    expect(webhooks.counts).toEqual({ delivered: 0, retried: 0, dropped: 50 });
    expect([webhooks.queued, service.open, clock.armed]).toEqual([0, 0, 0]);
  });

  it('does not bother a receiver that refuses with all that waits', async () => {
    const { clock, service, webhooks } = setUp();
    service.answer = () => ({});
    for (let i = 0; i < 100; i++) webhooks.tell(created(`a${i}`));
    await clock.advance(0);
    await clock.until(webhooks.close());
    expect(service.arrived.length).toBeLessThanOrEqual(32);
    expect(webhooks.counts.dropped).toBe(100);
    expect(clock.armed).toBe(0);
  });
});
