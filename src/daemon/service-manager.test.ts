import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { requirePeer } from '../../test/interop/peers.ts';
import { SystemCallError } from '../syscalls/datagram-sockets.ts';
import { type Libc, loadLibc } from '../syscalls/libc.ts';
import { UnixDatagrams } from '../syscalls/unix-datagrams.ts';
import {
  type Deliver,
  deliverByProgram,
  deliverBySystemCalls,
  ServiceManager,
  type Supervision,
  watchdogPeriod,
} from './service-manager.ts';

function supervised(changes: Partial<Supervision> = {}) {
  const told: string[] = [];
  const troubles: string[] = [];
  const manager = new ServiceManager({
    healthy: async () => true,
    describe: () => 'serving',
    trouble: (why) => troubles.push(why),
    deliver: async (message) => void told.push(message),
    watchdogMs: undefined,
    ...changes,
  });
  return { manager, told, troubles };
}

describe('what the service manager is told', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('comes in the order of what happens', async () => {
    const { manager, told } = supervised({
      // The first message takes longest.
      deliver: (message) =>
        new Promise((resolve) => {
          setTimeout(() => resolve(void told.push(message)), 50 - told.length);
        }),
    });
    manager.ready();
    manager.reloading();
    manager.ready();
    manager.stopping(30_000);
    await vi.advanceTimersByTimeAsync(1000);
    await manager.close();
    const before = process.hrtime.bigint() / 1000n;
    expect(told).toEqual([
      'READY=1\nSTATUS=serving',
      expect.stringMatching(/^RELOADING=1\nMONOTONIC_USEC=\d+$/),
      'READY=1\nSTATUS=serving',
      'STOPPING=1\nEXTEND_TIMEOUT_USEC=40000000',
    ]);
    const reloadedAt = BigInt(told[1]!.split('MONOTONIC_USEC=')[1]!);
    expect(reloadedAt > 0n && reloadedAt <= before).toBe(true);
  });

  it('is the status when it has changed', async () => {
    let status = '0 allocations';
    const { manager, told } = supervised({ describe: () => status });
    manager.ready();
    await vi.advanceTimersByTimeAsync(60_000);
    status = '1 allocation\nREADY=1';
    await vi.advanceTimersByTimeAsync(60_000);
    await manager.close();
    expect(told).toEqual(['READY=1\nSTATUS=0 allocations', 'STATUS=1 allocation READY=1']);
  });

  it('is nothing where there is none', async () => {
    const manager = ServiceManager.find({}, quiet);
    manager.ready();
    manager.reloading();
    manager.stopping(0);
    expect(vi.getTimerCount()).toBe(0);
    await manager.close();
  });

  it('is a sign of life twice in the period of the watchdog, after the threads have answered', async () => {
    const healthy = vi.fn(async () => true);
    const { manager, told } = supervised({ watchdogMs: 30_000, healthy });
    manager.ready();
    await vi.advanceTimersByTimeAsync(60_000);
    await manager.close();
    expect(told.slice(1)).toEqual(['WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1']);
    expect(healthy).toHaveBeenCalledTimes(4);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told).toHaveLength(5);
  });

  it('is no sign of life while a thread hangs', async () => {
    let answer = (_well: boolean): void => {};
    const healthy = vi.fn(() => new Promise<boolean>((resolve) => (answer = resolve)));
    const { manager, told, troubles } = supervised({ watchdogMs: 30_000, healthy });
    manager.ready();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(told).toHaveLength(1);
    expect(healthy).toHaveBeenCalledTimes(1);
    expect(troubles).toEqual(['a thread of the daemon does not answer']);
    answer(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual([expect.stringContaining('READY=1'), 'WATCHDOG=1']);
    await manager.close();
  });

  it.each([
    ['says that it is not', async () => false],
    ['cannot say', () => Promise.reject(new Error('no worker'))],
  ])('is no sign of life when the daemon %s well', async (_what, healthy) => {
    const { manager, told, troubles } = supervised({ watchdogMs: 30_000, healthy });
    manager.ready();
    await vi.advanceTimersByTimeAsync(60_000);
    await manager.close();
    expect(told).toHaveLength(1);
    expect(troubles).toEqual(['the daemon is not well, so its watchdog is told nothing']);
  });

  it('may be lost: the daemon says so once and goes on', async () => {
    let lost = true;
    const { manager, troubles } = supervised({
      deliver: () => (lost ? Promise.reject(new Error('connect ENOENT')) : Promise.resolve()),
    });
    manager.ready();
    manager.reloading();
    await manager.close();
    expect(troubles).toEqual(['the service manager was not told READY=1 (connect ENOENT)']);
    lost = false;
    manager.ready();
    await manager.close();
    lost = true;
    manager.stopping(0);
    await manager.close();
    expect(troubles[1]).toMatch(/was not told STOPPING=1/);
  });

  it('is tried again while the manager has no room for it', async () => {
    const answers = [11, 11].map((errno) => new SystemCallError('write', errno));
    const send = vi.fn(() => answers.pop());
    const delivered = deliverBySystemCalls({ send }, '/socket')('READY=1');
    await vi.advanceTimersByTimeAsync(1000);
    await delivered;
    expect(send).toHaveBeenCalledTimes(3);
  });
});

it.each([
  [{}, undefined],
  [{ WATCHDOG_USEC: '30000000' }, 30_000],
  [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '42' }, 30_000],
  [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '43' }, undefined],
  [{ WATCHDOG_USEC: '0' }, undefined],
  [{ WATCHDOG_USEC: 'soon' }, undefined],
])('the environment %j asks for a sign of life within %s ms', (environment, period) => {
  expect(watchdogPeriod(environment, 42)).toBe(period);
});

const libc = loadLibc();

const quiet = {
  healthy: async () => true,
  describe: () => '4 allocations ✓',
  trouble: (why: string) => {
    throw new Error(why);
  },
  watchdogMs: undefined,
};

describe.skipIf(typeof libc === 'string')('the socket of the service manager', () => {
  let directory: string;
  let datagrams: UnixDatagrams;
  let descriptor: number | undefined;
  const received: string[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'taciturn-notify-'));
    datagrams = new UnixDatagrams(libc as Libc);
    received.length = 0;
  });
  afterEach(() => {
    if (descriptor !== undefined) (libc as Libc).close(descriptor);
    descriptor = undefined;
    rmSync(directory, { recursive: true });
  });

  function listen(path: string): string {
    const opened = datagrams.listen(path);
    if (opened instanceof SystemCallError) throw opened;
    descriptor = opened;
    return path;
  }

  function takeAll(): string[] {
    for (let text = datagrams.receive(descriptor!); text !== undefined; text = datagrams.receive(descriptor!)) {
      received.push(text);
    }
    return received;
  }

  const deliveries: [string, (path: string) => Deliver][] = [
    ['system calls', (path) => deliverBySystemCalls(new UnixDatagrams(libc as Libc), path)],
  ];
  if (requirePeer('systemd-notify')) deliveries.push(['systemd-notify', deliverByProgram]);

  it.each(deliveries)('gets whole messages by %s', async (_way, deliver) => {
    const path = listen(join(directory, 'notify'));
    const reader = setInterval(takeAll, 5);
    const manager = new ServiceManager({ ...quiet, deliver: deliver(path) });
    manager.ready();
    manager.stopping(1000);
    await manager.close();
    clearInterval(reader);
    const said = takeAll().filter((text) => text !== 'BARRIER=1');
    expect(said).toEqual(['READY=1\nSTATUS=4 allocations ✓', 'STOPPING=1\nEXTEND_TIMEOUT_USEC=11000000']);
  });

  it('may have a name that is no file', () => {
    const name = listen(`@taciturn-test-${process.pid}`);
    expect(datagrams.send(name, 'READY=1')).toBeUndefined();
    expect(takeAll()).toEqual(['READY=1']);
  });

  it('may be gone, full or named absurdly, which is an error and no more', () => {
    expect(datagrams.send(join(directory, 'nobody'), 'READY=1')?.code).toBe('ENOENT');
    expect(datagrams.send(`/${'x'.repeat(200)}`, 'READY=1')?.code).toBe('ENAMETOOLONG');
    const path = listen(join(directory, 'notify'));
    expect(datagrams.send(path, 'x'.repeat(5000))?.code).toBe('EMSGSIZE');
    const answers = Array.from({ length: 1000 }, () => datagrams.send(path, 'WATCHDOG=1')?.code);
    expect(answers.at(-1)).toBe('EAGAIN');
    takeAll();
    expect(datagrams.send(path, 'WATCHDOG=1')).toBeUndefined();
  });
});
