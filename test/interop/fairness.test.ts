import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TurnAllocation } from '../../src/client/turn-allocation.ts';
import type { TurnClient } from '../../src/client/turn-client.ts';
import { IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { Flood } from './flood.ts';
import { allocate } from './relay-client.ts';
import { Taciturn } from './taciturn.ts';
import { canRunWorkers } from './worker-bench.ts';

const PAYLOAD = 160;
const CLIENTS = 10;
/** Each client sends this often, 50 times a second. */
const ROUNDS = 100;
const ROUND_MS = 20;
/** Of all their packets. A machine that is busy with other things may leave the server no time for a moment. */
const TOLERABLE = 0.05 * CLIENTS * ROUNDS;
const RETRY = 3;

const unlimited = '{ packetsPerSecond: unlimited, bytesPerSecond: unlimited }';

describe.skipIf(!canRunWorkers())('beside somebody who floods, ten others lose next to nothing', () => {
  let daemon: Taciturn;
  let flood: Flood | undefined;
  /** Sends back what it gets from the ten. */
  let echo: Socket;
  /** What the flood is sent to, or comes from. */
  let wild: Socket;
  const clients: TurnClient[] = [];

  beforeEach(async () => {
    flood = undefined;
    echo = await bind();
    echo.on('message', (bytes, from) => echo.send(bytes, from.port, from.address));
    wild = await bind();
  });
  afterEach(async () => {
    await flood?.stop();
    for (const client of clients.splice(0)) client.close();
    echo.close();
    wild.close();
    await daemon?.stop();
  });

  async function start(limits = ''): Promise<void> {
    daemon = await Taciturn.start(`relay: { plane: batch, workers: 1, peers: { allow: [127.0.0.0/8] } }\n${limits}`);
  }

  async function client(peer: TransportAddress): Promise<TurnAllocation> {
    const [client, allocation] = await allocate(daemon.port);
    clients.push(client);
    expect(await allocation.bindChannel(peer)).toMatchObject({ ok: true });
    return allocation;
  }

  const dropped = (reason: string) => daemon.metric('taciturn_dropped_packets_total', `reason="${reason}"`);

  /** How many packets of the client at this port have gone to its peer. */
  async function relayedFor(port: number): Promise<number> {
    const { sessions } = (await (await daemon.fetch('/v1/sessions')).json()) as {
      sessions: { client: string; fromClient: { packets: number } }[];
    };
    return sessions.find(({ client }) => client === `127.0.0.1:${port}`)!.fromClient.packets;
  }

  /** How many packets of ten quiet clients do not come back from their peer. */
  async function lostByOthers(): Promise<number> {
    const peer = addressOf(echo);
    const others = await Promise.all(Array.from({ length: CLIENTS }, () => client(peer)));
    let returned = 0;
    for (const allocation of others) allocation.onData = () => returned++;
    for (let round = 0; round < ROUNDS; round++) {
      for (const allocation of others) allocation.send(peer, Buffer.alloc(PAYLOAD));
      await wait(ROUND_MS);
    }
    const all = CLIENTS * ROUNDS;
    await expect
      .poll(() => returned, { timeout: 3000 })
      .toBe(all)
      .catch(() => {});
    return all - returned;
  }

  it('when it is a client', { retry: RETRY, timeout: 60_000 }, async () => {
    await start(`limits: { perAllocation: ${unlimited}, perUser: ${unlimited} }`);
    flood = await Flood.ofClient(daemon.port, addressOf(wild), PAYLOAD);
    await flood.rise(async () => (await dropped('unfair-share')) > 0);
    const before = { sent: flood.sent, relayed: await relayedFor(flood.from) };
    const lost = await lostByOthers();
    const flooded = 1 - ((await relayedFor(flood.from)) - before.relayed) / (flood.sent - before.sent);
    // Where the machine leaves the server no time the kernel drops blindly, everybody's packets alike; not so by our choice.
    expect(lost).toBeLessThanOrEqual(Math.max(TOLERABLE, (flooded / 2) * CLIENTS * ROUNDS));
    expect(await dropped('unfair-share')).toBeGreaterThan(0);
  });

  it('when it is a peer', { retry: RETRY, timeout: 60_000 }, async () => {
    await start();
    const source = addressOf(wild);
    const { relayedAddress } = await client(source);
    wild.close();
    wild = await bind();
    flood = new Flood({ from: source.port, to: relayedAddress.port, datagram: Buffer.alloc(PAYLOAD) });
    await flood.rise(async () => (await dropped('allocation-rate')) > 0);
    expect(await lostByOthers()).toBeLessThanOrEqual(TOLERABLE);
    expect(await dropped('allocation-rate')).toBeGreaterThan(0);
  });
});

async function bind(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1024 * 1024 }).bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

function addressOf(socket: Socket): TransportAddress {
  return { ip: IpAddress.parse('127.0.0.1')!, port: socket.address().port };
}
