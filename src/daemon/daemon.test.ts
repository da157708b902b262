import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadConfiguration } from '../config/load-configuration.ts';
import type { Log } from '../telemetry/log.ts';
import { Daemon } from './daemon.ts';
import { TurnServers } from './turn-servers.ts';

const nothing = () => {};
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing, setLevel: nothing } as unknown as Log;

describe('a daemon that starts', () => {
  let dataDir: string;

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'taciturn-daemon-'));
  });
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(dataDir, { recursive: true });
  });

  it('knows its own addresses before the first client can come', async () => {
    const settings = {
      dataDir,
      'http.enabled': 'false',
      'listen.addresses': ['127.0.0.1'],
      'listen.port': '0',
      'relay.plane': 'dgram',
      'relay.ipv4.address': '127.0.0.1',
    };
    const flags = Object.entries(settings).map(([path, value]) => ({ path, flag: path, value }));
    const loaded = loadConfiguration({ environment: {}, flags });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded));
    const { listenUdp, command } = TurnServers.prototype;
    const own: (readonly string[])[] = [];
    let known: readonly string[] | undefined;
    vi.spyOn(TurnServers.prototype, 'command').mockImplementation(function (this: TurnServers, told) {
      if (told.kind === 'set-own') own.push(told.addresses.map(({ text }) => text));
      command.call(this, told);
    });
    vi.spyOn(TurnServers.prototype, 'listenUdp').mockImplementation(function (this: TurnServers, ...args) {
      known ??= own.at(-1) ?? [];
      return listenUdp.apply(this, args);
    });
    const daemon = await Daemon.start({
      configuration: loaded.configuration,
      load: () => loaded,
      log,
      version: '0.0.0',
    });
    await daemon.stop();
    expect(known).toEqual(['127.0.0.1']);
  });
});
