import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AddressFamily } from '../../src/stun/protocol.ts';
import { createSharedMemory } from '../../src/turn/shared/shared-memory.ts';
import { SharedTables } from '../../src/turn/shared/shared-tables.ts';
import { SeededRandom } from '../virtual-network/seeded-random.ts';
import { type CompiledModule, compileModule } from './compile.ts';
import type { HammerData, Task } from './hammer.ts';

const THREADS = 4;
const USERS = 5;
const PORTS = 40;
/** How often a thread is ended somewhere in its work. */
const DEATHS = 15;
const quotas = { allocations: 12, allocationsPerUser: 4 };
const range = { low: 50_000, high: 50_000 + PORTS - 1 };

let hammer: CompiledModule;
beforeAll(() => {
  hammer = compileModule(join(import.meta.dirname, 'hammer.ts'));
});
afterAll(() => hammer.remove());

/** Some threads that share a memory; server 0 is this one. */
class Threads {
  readonly data: Omit<HammerData, 'server'> = {
    memory: createSharedMemory(1 + THREADS, range, new SeededRandom(1)),
    users: USERS,
    quotas,
    witness: new Int32Array(new SharedArrayBuffer(4 * (65_536 + USERS + 1))),
    mailbox: new Int32Array(new SharedArrayBuffer(16)),
  };
  readonly tables = new SharedTables(this.data.memory, 0);
  readonly workers = Array.from({ length: THREADS }, (_, i) => this.start(i + 1));

  start(server: number): Worker {
    return new Worker(hammer.path, { workerData: { ...this.data, server } satisfies HammerData });
  }

  /** Gives all threads the same task; resolves with what they answer. */
  async perform(task: Task): Promise<number[]> {
    const answers = this.workers.map((worker) => once(worker, 'message'));
    for (const worker of this.workers) worker.postMessage(task);
    const results = await Promise.all(answers);
    expect(results.flatMap(([{ problems }]) => problems)).toEqual([]);
    return results.map(([{ result }]) => result);
  }

  /** Takes back what was left in the mailbox. */
  emptyMailbox(): void {
    const { mailbox } = this.data;
    if (mailbox[0] !== 1) return;
    const token = Buffer.alloc(8);
    token.writeInt32LE(mailbox[2]!, 0);
    token.writeInt32LE(mailbox[3]!, 4);
    // Whoever gave it, any server may redeem it; then the port is ours.
    const result = this.tables.admissions.redeem(`user ${mailbox[1]}`, quotas, token);
    if (typeof result === 'string') return;
    this.tables.ports.release(result.family, result.port);
    this.tables.admissions.leave(result.user);
  }

  expectNothingLeft(): void {
    this.emptyMailbox();
    const { admissions, ports } = this.tables;
    expect([admissions.users, admissions.reservations]).toEqual([0, 0]);
    for (let user = 0; user < USERS; user++) expect(admissions.allocationsOf(`user ${user}`)).toBe(0);
    expect(ports.free(AddressFamily.ipv4)).toBe(PORTS);
  }
}

describe('the tables that threads share', () => {
  let threads: Threads;
  beforeEach(() => {
    threads = new Threads();
  });
  afterEach(async () => {
    await Promise.all(threads.workers.map((worker) => worker.terminate()));
  });

  it('give out no port twice and lose none', async () => {
    await threads.perform({ kind: 'ports', rounds: 15_000 });
    threads.expectNothingLeft();
  });

  it('never exceed a quota, and are empty when all have left', async () => {
    await threads.perform({ kind: 'users', rounds: 10_000 });
    threads.expectNothingLeft();
  });

  it('admit exactly as many as there may be', async () => {
    const admitted = await threads.perform({ kind: 'fill' });
    expect(admitted.reduce((sum, count) => sum + count)).toBe(quotas.allocations);
  });

  it('let pass exactly what a rate allows', async () => {
    const passed = await threads.perform({ kind: 'traffic', rate: 2_000_000 });
    expect(passed.reduce((sum, count) => sum + count)).toBe(2_000_000);
  });

  it('count every packet', async () => {
    await threads.perform({ kind: 'count', packets: 100_000 });
    const totals = threads.tables.totalCounters();
    expect(totals.fromClients.packets).toBe(THREADS * 100_000);
    expect(totals.dropped('not-stun')).toBe(THREADS * 100_000);
  });

  it('get over threads that end anywhere in their work', async () => {
    const { workers, tables, data } = threads;
    for (const worker of workers.splice(2)) await worker.terminate();
    const busy = workers[0]!;
    busy.postMessage({ kind: 'forever' } satisfies Task);
    await once(busy, 'message');
    for (let i = 0; i < DEATHS; i++) {
      const victim = threads.start(3);
      victim.postMessage({ kind: 'forever' } satisfies Task);
      await once(victim, 'message');
      await wait(i % 5);
      await victim.terminate();
      // The witness knows no more than the victim did; what it had is free now.
      for (let port = range.low; port <= range.high; port++) Atomics.compareExchange(data.witness, port, 4, 0);
      tables.forgetServer(3, () => {});
      if (Atomics.load(data.mailbox, 0) === -1) Atomics.store(data.mailbox, 0, 0);
      for (let user = 0; user < USERS; user++) {
        expect(tables.admissions.allocationsOf(`user ${user}`)).toBeLessThanOrEqual(quotas.allocationsPerUser);
      }
    }
    await busy.terminate();
    tables.forgetServer(1, () => {});
    threads.expectNothingLeft();
    workers.shift();
    expect(await threads.perform({ kind: 'fill' })).toEqual([quotas.allocations]);
  });
});
