import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Accounting } from '../accounting/accounting.ts';
import { loadConfiguration } from '../config/load-configuration.ts';
import type { Configuration } from '../config/settings.ts';
import { SqliteStore } from '../store/sqlite/sqlite-store.ts';
import { StoreError } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { ControlPlane } from './control-plane.ts';
import type { TurnServers } from './turn-servers.ts';

const secrets = ['a shared secret of ours'];
const delta = { issuer: '', user: 'bob', label: '', fromClientPackets: 1, toClientBytes: 0, toClientPackets: 0 };

describe('the control plane', () => {
  let dataDir: string;
  let configuration: Configuration;
  let logged: string[];
  let log: Log;

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'taciturn-control-'));
    const flags = [{ path: 'dataDir', flag: '--data-dir', value: dataDir }];
    const loaded = loadConfiguration({ environment: {}, flags });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded));
    ({ configuration } = loaded);
    logged = [];
    const note = (facts: object) => logged.push((facts as { event: string }).event);
    log = { debug: note, info: note, warn: note, error: note } as unknown as Log;
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    rmSync(dataDir, { recursive: true });
  });

  it('takes the first key back when it cannot be shown, since the store is away in the middle of the start', async () => {
    vi.spyOn(Accounting, 'open').mockRejectedValueOnce(new StoreError('The store is away.'));
    await expect(ControlPlane.open(configuration, secrets, log)).rejects.toThrow('The store is away.');
    const plane = await ControlPlane.open(configuration, secrets, log);
    expect(plane.adminApiKey).toBeDefined();
    await plane.close();
  });

  it('forgets what is old when it begins, and then every hour', async () => {
    const prune = vi.spyOn(SqliteStore.prototype, 'prune').mockResolvedValue();
    const plane = await ControlPlane.open(configuration, secrets, log);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    plane.attach(servers());
    expect(prune).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(prune).toHaveBeenCalledTimes(2);
    await plane.close();
  });

  it('says once that usage waits, and when it is stored again', async () => {
    const addUsage = vi.spyOn(SqliteStore.prototype, 'addUsage').mockRejectedValue(new StoreError('The disk is full.'));
    const plane = await ControlPlane.open(configuration, secrets, log);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    plane.attach(servers());
    const flushed = async (times: number) => {
      await plane.collectUsage();
      await vi.advanceTimersByTimeAsync(2000);
      await vi.waitFor(() => expect(addUsage).toHaveBeenCalledTimes(times));
      await new Promise((resolve) => setImmediate(resolve));
    };
    await flushed(1);
    await flushed(2);
    expect(logged).toEqual(['usage-waits']);
    addUsage.mockResolvedValue();
    await flushed(3);
    await vi.waitFor(() => expect(logged).toEqual(['usage-waits', 'usage-stored']));
    await plane.close();
  });

  it('says at its end what could not be counted', async () => {
    vi.spyOn(SqliteStore.prototype, 'addUsage').mockRejectedValue(new StoreError('The disk is full.'));
    const plane = await ControlPlane.open(configuration, secrets, log);
    plane.attach(servers());
    await plane.collectUsage();
    await plane.close();
    expect(logged).toEqual(['usage-lost']);
  });

  /** Servers that have always relayed something. */
  function servers(): TurnServers {
    const takeUsage = async () => [{ ...delta, fromClientBytes: 1, allocations: 1 }];
    return { command: () => {}, takeUsage } as unknown as TurnServers;
  }
});
