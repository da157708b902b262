import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { StreamClient } from './stream-client.ts';
import { Taciturn } from './taciturn.ts';

const CONNECTIONS = 5000;
const AT_ONCE = 250;

/** Connections that never say anything, from addresses that take turns. */
class SilentCrowd {
  readonly closed: Promise<unknown>;
  readonly #sockets: Socket[] = [];

  private constructor(sockets: Socket[]) {
    this.#sockets = sockets;
    this.closed = Promise.all(sockets.map((socket) => (socket.destroyed ? undefined : once(socket, 'close'))));
  }

  static async connect(port: number, addresses: readonly string[]): Promise<SilentCrowd> {
    const sockets: Socket[] = [];
    while (sockets.length < CONNECTIONS) {
      const some = Array.from({ length: AT_ONCE }, (_, i) => {
        const localAddress = addresses[(sockets.length + i) % addresses.length]!;
        return connect({ port, host: '127.0.0.1', localAddress })
          .on('error', () => {})
          .resume();
      });
      await Promise.all(some.map((socket) => once(socket, 'connect')));
      sockets.push(...some);
    }
    return new SilentCrowd(sockets);
  }

  leave(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

let daemon: Taciturn;
let crowd: SilentCrowd | undefined;
afterEach(async () => {
  crowd?.leave();
  await daemon.stop();
});

async function closedFor(...reasons: readonly string[]): Promise<number> {
  const counts = reasons.map((reason) => daemon.metric('taciturn_closed_connections_total', `"${reason}"`));
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

describe('five thousand connections that say nothing', { timeout: 120_000 }, () => {
  it.each([
    ['a few addresses', 4, ['pending-per-address-limit', 'first-message-timeout']],
    ['many addresses', 100, ['pending-limit', 'first-message-timeout']],
  ])('from %s keep nobody out, and are all gone after the limit', async (_what, addresses, reasons) => {
    daemon = await Taciturn.start('limits: { connections: { firstMessage: 3s, handshake: 1s } }');
    const from = Array.from({ length: addresses }, (_, i) => `127.0.1.${i + 1}`);
    crowd = await SilentCrowd.connect(daemon.port, from);

    const client = await StreamClient.connect({ port: daemon.port, from: '127.0.2.1' });
    expect(await client.binding()).toMatch(/^127\.0\.2\.1:/);
    expect(await daemon.metric('taciturn_pending_connections')).toBeLessThanOrEqual(1024);

    await crowd.closed;
    expect(await closedFor(...reasons)).toBe(CONNECTIONS);
    expect(await daemon.metric('taciturn_pending_connections')).toBe(0);
    // Who has said something stays.
    await client.binding();
    client.close();
  });
});
