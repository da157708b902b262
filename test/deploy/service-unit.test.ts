import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ExitCode } from '../../src/cli/command-context.ts';
import { loadConfiguration } from '../../src/config/load-configuration.ts';
import { requirePeer, run } from '../interop/peers.ts';
import { pathOf, textOf } from './repository-files.ts';

const unit = textOf('config/taciturn.service');

function lineOf(key: string): string | undefined {
  return new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1];
}

describe('the systemd unit', () => {
  it('gives the daemon longer to stop than it takes by default', () => {
    const loaded = loadConfiguration({ environment: {} });
    if (!loaded.ok) throw new Error('the defaults are no configuration');
    const seconds = /^(\d+)s$/.exec(lineOf('TimeoutStopSec')!)![1];
    expect(Number(seconds) * 1000).toBeGreaterThan(loaded.configuration.shutdown.deadlineMilliseconds);
  });

  it('does not start anew what was configured or called wrongly', () => {
    expect(lineOf('RestartPreventExitStatus')).toBe(`${ExitCode.usage} ${ExitCode.badConfiguration}`);
  });

  it('lets the daemon speak with the service manager, by a program too', () => {
    expect(lineOf('Type')).toBe('notify');
    expect(lineOf('NotifyAccess')).toBe('all');
    expect(lineOf('RestrictAddressFamilies')!.split(' ')).toContain('AF_UNIX');
  });
});

describe.skipIf(!requirePeer('systemd-analyze'))('systemd', () => {
  let directory: string;
  let file: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'taciturn-unit-'));
    file = join(directory, 'taciturn.service');
    // Which program is run is looked up as well, and ours is not installed here.
    const command = `ExecStart=${process.execPath} ${pathOf('bin/taciturn.js')} serve `;
    writeFileSync(file, unit.replace('ExecStart=taciturn serve ', command));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('understands every line of the unit', async () => {
    const { code, stdout, stderr } = await run('systemd-analyze', [
      'verify',
      '--man=no',
      '--recursive-errors=no',
      file,
    ]);
    expect(`${stdout}${stderr}`).not.toMatch(/taciturn\.service/);
    expect(code).toBe(0);
  });

  it('finds little that the daemon could do to the system', async () => {
    const wanted = ['security', '--offline=true', '--no-pager', '--threshold=20', file];
    const { code, stdout } = await run('systemd-analyze', wanted);
    expect(stdout).toMatch(/Overall exposure level for taciturn\.service: [01]\.\d OK/);
    expect(code).toBe(0);
  });
});
