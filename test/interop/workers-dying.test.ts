import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TurnAllocation } from '../../src/client/turn-allocation.ts';
import type { TurnClient } from '../../src/client/turn-client.ts';
import { IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { AddressFamily } from '../../src/stun/protocol.ts';
import { allocate, relay } from './relay-client.ts';
import { canRunWorkers, openDescriptors, residentBytes, WorkerBench } from './worker-bench.ts';

const CLIENTS = 24;

type Client = readonly [TurnClient, TurnAllocation];

describe.skipIf(!canRunWorkers())('a worker that dies', () => {
  let bench: WorkerBench;
  let clients: Client[];
  /** Sends back whatever it gets. */
  let echo: Socket;
  let peer: TransportAddress;

  beforeEach(async () => {
    bench = await WorkerBench.start(2);
    clients = await Promise.all(Array.from({ length: CLIENTS }, () => allocate(bench.port)));
    echo = createSocket('udp4').bind(0, '127.0.0.1');
    echo.on('message', (bytes, from) => echo.send(bytes, from.port, from.address));
    await once(echo, 'listening');
    peer = { ip: IpAddress.parse('127.0.0.1')!, port: echo.address().port };
  });
  afterEach(async () => {
    for (const [client] of clients) client.close();
    echo.close();
    await bench.pool.stop();
  });

  /** The clients of one server. */
  async function clientsOf(server: number): Promise<Client[]> {
    const servers = await bench.servers();
    return clients.filter(([{ stun }]) => servers.get(stun.socket.localAddress.port) === server);
  }

  it('gives back all that its clients had, and nothing of the others', async () => {
    const [gone, others] = [await clientsOf(1), await clientsOf(2)];
    expect(gone.length).toBeGreaterThan(0);
    expect(gone.length + others.length).toBe(CLIENTS);
    const { ports } = bench.shared;
    const [free, descriptors] = [ports.free(AddressFamily.ipv4), openDescriptors()];

    await bench.pool.kill(1);
    expect(bench.deaths).toEqual([{ server: 1, restartMs: 100 }]);
    expect(ports.free(AddressFamily.ipv4)).toBe(free + gone.length);
    expect(bench.shared.totalPopulation()).toMatchObject({
      allocations: others.length,
      relayedAddresses: others.length,
      users: 1,
    });
    // Of each relay its socket, and of the thread what it waited at.
    expect(openDescriptors()).toBeLessThan(descriptors - gone.length);
    expect((await bench.servers()).size).toBe(others.length);
  });

  it('costs the clients of another worker no packet', async () => {
    const [[orphan]] = (await clientsOf(1)) as [Client];
    const [[, allocation]] = (await clientsOf(2)) as [Client];
    expect(await allocation.bindChannel(peer)).toMatchObject({ ok: true });
    const returned: number[] = [];
    allocation.onData = (_peer, bytes) => returned.push(bytes.readUInt32BE());
    let sent = 0;
    const sending = setInterval(() => {
      const packet = Buffer.alloc(160);
      packet.writeUInt32BE(sent++);
      allocation.send(peer, packet);
    }, 2);
    await bench.pool.kill(1);
    expect(await orphan.binding()).toMatchObject({ ok: true });
    clearInterval(sending);
    await expect.poll(() => returned.length).toBe(sent);
    expect(returned).toEqual(Array.from({ length: sent }, (_, i) => i));
  });

  it('is replaced by one that serves its clients at the same sockets, and takes the nonces of before', async () => {
    const [[client, before]] = (await clientsOf(1)) as [Client];
    await bench.pool.kill(1);
    // Nothing is left of the allocation, and the nonce of before is as good as it was.
    expect(await before.refresh()).toMatchObject({ ok: false, error: { code: 437 } });
    const { challenges } = bench.shared.totalCounters();
    const allocation = await client.allocate();
    expect(allocation).toMatchObject({ ok: true });
    expect(bench.shared.totalCounters().challenges).toBe(challenges);
    expect((await bench.servers()).get(client.stun.socket.localAddress.port)).toBe(1);
    const [[, other]] = (await clientsOf(2)) as [Client];
    if (allocation.ok) await relay(allocation.value, other, 'from the new one');
  });

  it('is replaced by one that knows what the daemon has said before', async () => {
    const [[client]] = (await clientsOf(1)) as [Client];
    bench.pool.command({ kind: 'drain' });
    await bench.pool.kill(1);
    expect(await client.allocate()).toMatchObject({ ok: false, error: { code: 508 } });
  });

  it('lets go of an address that nobody listens on any more', async () => {
    const { local, close } = bench.pool.listenUdp(2, { ...peer, port: 0 });
    await bench.pool.kill(1);
    close();
    await expect.poll(() => bench.isFree(local)).toBe(true);
  });

  it('again and again leaves memory and descriptors where they were', { timeout: 60_000 }, async () => {
    for (const [, allocation] of clients) await allocation.close();
    // The first ones warm up what the process then keeps.
    for (let death = 1; death <= 2; death++) await dieBusy();
    const descriptors = await settledDescriptors();
    const resident = residentBytes();
    for (let death = 1; death <= 3; death++) await dieBusy();
    expect(residentBytes() - resident).toBeLessThan(40 * 2 ** 20);
    await expect.poll(openDescriptors).toBeLessThanOrEqual(descriptors);
  });

  /** How many there are once sockets that were closed are gone. */
  async function settledDescriptors(): Promise<number> {
    for (let before = openDescriptors(); ; ) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      const now = openDescriptors();
      if (now === before) return now;
      before = now;
    }
  }

  /** Ends the first worker in the middle of work. */
  async function dieBusy(): Promise<void> {
    const busy: Client[] = [];
    // Until some of them are its own: it may not be back yet since it died last.
    while (busy.length < 4 || ![...(await bench.servers()).values()].includes(1)) {
      const [client, allocation] = await allocate(bench.port);
      busy.push([client, allocation]);
      await allocation.bindChannel(peer);
    }
    const flood = setInterval(() => {
      for (const [, allocation] of busy) for (let i = 0; i < 20; i++) allocation.send(peer, Buffer.alloc(1000));
    });
    await wait(100);
    const deaths = bench.deaths.length;
    await bench.pool.kill(1);
    clearInterval(flood);
    expect(bench.deaths).toHaveLength(deaths + 1);
    for (const [client, allocation] of busy) {
      // The socket of the dead one holds what comes until the next one reads it.
      await allocation.close();
      client.close();
    }
  }
});
