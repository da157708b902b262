import { beforeEach, describe, expect, it } from 'vitest';
import type { Configuration } from '../../config/settings.ts';
import { IpAddress } from '../../stun/ip-address.ts';
import { type Libc, loadLibc } from '../../syscalls/libc.ts';
import { createSharedMemory } from '../../turn/shared/shared-memory.ts';
import { SharedTables } from '../../turn/shared/shared-tables.ts';
import { systemRandom } from '../system-random.ts';
import { WorkerPool } from './worker-pool.ts';

const libc = loadLibc();
/** What the threads say that they wait at; no process has so many descriptors. */
const POLLER = 1_000_000_000;

/** A thread that ends when it is told to stop, and dies when it is told to drain. */
const script = new URL(`data:text/javascript,
  import { parentPort, workerData } from 'node:worker_threads';
  parentPort.on('message', ({ kind }) => {
    if (kind === 'stop') parentPort.close();
    if (kind === 'command') throw new Error('a fault');
  });
  parentPort.postMessage({ kind: 'ready', poller: ${POLLER} + workerData.index });
`);

describe.skipIf(typeof libc === 'string')('the pool of workers', () => {
  let pool: WorkerPool;
  /** Descriptors that the main thread has closed. */
  let closed: number[];
  let died: (() => void) | undefined;

  beforeEach(async () => {
    closed = [];
    const memory = createSharedMemory(3, { low: 50_000, high: 50_100 }, systemRandom);
    const { close } = libc as Libc;
    pool = await WorkerPool.start({
      count: 2,
      libc: {
        ...(libc as Libc),
        close: (descriptor) => {
          closed.push(descriptor);
          return close(descriptor);
        },
      },
      shared: new SharedTables(memory, 0),
      start: {
        memory,
        settings: { configuration: {} as Configuration, sharedSecrets: [], users: [] },
        relays: { ipv4: undefined, ipv6: undefined },
      },
      events: { event: () => {}, ask: () => {}, trouble: () => {}, died: () => died?.() },
      script,
    });
    pool.listenUdp(1, { ip: IpAddress.parse('127.0.0.1')!, port: 0 });
    closed = [];
    return () => pool.stop();
  });

  /** Two of each: sockets and bells. */
  const OWN = 4;

  it('closes what is its own once, and nothing that threads close themselves', async () => {
    await pool.stop();
    await pool.stop();
    expect(new Set(closed).size).toBe(OWN);
    expect(closed).toHaveLength(OWN);
    expect(Math.max(...closed)).toBeLessThan(POLLER);
  });

  it('closes once what the dead leave open, though it is stopped before they are replaced', async () => {
    let deaths = 0;
    await new Promise<void>((resolve) => {
      died = () => {
        if (++deaths === 2) resolve();
      };
      pool.command({ kind: 'drain' });
    });
    await pool.stop();
    expect(closed.filter((descriptor) => descriptor > POLLER).sort()).toEqual([POLLER + 1, POLLER + 2]);
    expect(closed).toHaveLength(OWN + 2);
  });

  it('answers when it has stopped', async () => {
    await pool.stop();
    expect(await pool.sessions({ limit: 10 })).toEqual([]);
    expect(await pool.endSession('any')).toBe(false);
  });
});
