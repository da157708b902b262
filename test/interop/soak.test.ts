import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { DaemonProcess } from './daemon-process.ts';
import { Flood } from './flood.ts';
import { connect } from './relay-client.ts';
import { Taciturn } from './taciturn.ts';
import { canRunWorkers } from './worker-bench.ts';

/** `npm run soak` takes ten minutes. */
const SECONDS = Number(process.env.TACITURN_SOAK_SECONDS ?? 15);
const CLIENTS = 1000;
/** How long a client stays. */
const STAY_MS = { least: 1000, most: 4000 };
/** Even what a client could not give back, because an answer was lost in the flood, is gone after this. */
const PATIENCE_SECONDS = 15;
/**
 * What the process may have grown by since a first crowd has left: compiled code and pages that allocators keep, some 80 MB,
 * reached within a minute. In ten minutes 100,000 clients come, so a kilobyte kept of each shows.
 */
const MARGIN_BYTES = 128 * 1024 * 1024;

/** What has to be as if nobody had ever been there. */
interface State {
  readonly ports: readonly number[];
  readonly allocations: number;
  readonly relayedAddresses: number;
  readonly permissions: number;
  readonly channels: number;
  readonly users: number;
}

describe.skipIf(!canRunWorkers())(`${CLIENTS} clients that join and leave beside a flood`, () => {
  let daemon: Taciturn;
  let server: DaemonProcess;
  let flood: Flood | undefined;
  /** Sends back what it gets. */
  let echo: Socket;
  /** Where the flood ends. */
  let sink: Socket;
  let peer: TransportAddress;

  beforeEach(async () => {
    daemon = await Taciturn.start(`relay:
  plane: batch
  workers: 2
  peers: { allow: [127.0.0.0/8] }
  # Whoever vanishes is soon forgotten.
  lifetime: { default: 2s }
limits:
  allocationsPerUser: 16000
  unauthenticated: { perAddressPerSecond: unlimited, perNetworkPerSecond: unlimited }
log: { level: warn }
`);
    server = DaemonProcess.find(daemon.directory);
    echo = await bind();
    echo.on('message', (bytes, from) => echo.send(bytes, from.port, from.address));
    sink = await bind();
    peer = addressOf(echo);
  });
  afterEach(async () => {
    await flood?.stop();
    echo.close();
    sink.close();
    await daemon?.stop();
  });

  /** One client after the other until it is over; how many of them were served. */
  async function comeAndGo(until: number): Promise<number> {
    let served = 0;
    for (let turn = Math.floor(Math.random() * 3); performance.now() < until; turn++) {
      const client = await connect(daemon.port);
      // Two give back what they have; the third vanishes.
      const polite = turn % 3 < 2;
      const allocation = await client.allocate(polite ? { lifetimeSeconds: PATIENCE_SECONDS } : {});
      if (allocation.ok) {
        const { value } = allocation;
        if (turn % 2 === 0) await value.bindChannel(peer);
        else await value.createPermission([peer]);
        let returned = false;
        value.onData = () => {
          returned = true;
        };
        for (let i = 0; i < 5; i++) {
          value.send(peer, Buffer.alloc(160));
          await wait((STAY_MS.least + Math.random() * (STAY_MS.most - STAY_MS.least)) / 5);
        }
        if (returned) served++;
        if (polite) await value.close();
        else value.abandon();
      }
      client.close();
    }
    return served;
  }

  /** All of them for so long; how many were served. */
  async function crowd(seconds: number): Promise<number> {
    const until = performance.now() + seconds * 1000;
    const coming = Array.from({ length: CLIENTS }, async () => {
      await wait(Math.random() * Math.min(STAY_MS.most, seconds * 500));
      return comeAndGo(until);
    });
    const served = await Promise.all(coming);
    return served.reduce((sum, one) => sum + one, 0);
  }

  /** Ends the allocation of a client that cannot do it itself. */
  async function endSessionOf(port: number): Promise<void> {
    const response = await daemon.fetch('/v1/sessions?limit=1000');
    const { sessions } = (await response.json()) as { sessions: { id: string; client: string }[] };
    const session = sessions.find(({ client }) => client === `127.0.0.1:${port}`)!;
    expect((await daemon.fetch(`/v1/sessions/${session.id}`, { method: 'DELETE' })).status).toBe(204);
  }

  async function state(): Promise<State> {
    return {
      ports: [...server.udpPorts].sort(),
      allocations: await daemon.metric('taciturn_allocations'),
      relayedAddresses: await daemon.metric('taciturn_relayed_addresses'),
      permissions: await daemon.metric('taciturn_permissions'),
      channels: await daemon.metric('taciturn_channels'),
      users: await daemon.metric('taciturn_users'),
    };
  }

  it('leave nothing behind', { timeout: (SECONDS + 120) * 1000 }, async () => {
    const before = await state();
    const descriptors = server.openDescriptors;
    expect(before).toMatchObject({ allocations: 0, users: 0 });
    // What a first crowd makes the process keep is no leak.
    expect(await crowd(1)).toBeGreaterThan(0);
    const residentBytes = server.residentBytes;

    flood = await Flood.ofClient(daemon.port, addressOf(sink), 160);
    await flood.rise(async () => (await daemon.metric('taciturn_dropped_packets_total')) > 0);
    const served = await crowd(SECONDS);
    expect(served).toBeGreaterThan(CLIENTS);
    await flood.stop();
    await endSessionOf(flood.from);
    flood = undefined;
    await expect.poll(state, { timeout: 2000 * PATIENCE_SECONDS, interval: 500 }).toEqual(before);
    // This test's connections to the HTTP service come and go.
    expect(server.openDescriptors).toBeLessThan(descriptors + 5);
    expect(server.residentBytes - residentBytes).toBeLessThan(MARGIN_BYTES);
    expect(daemon.log.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

async function bind(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 }).bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

function addressOf(socket: Socket): TransportAddress {
  return { ip: IpAddress.parse('127.0.0.1')!, port: socket.address().port };
}
