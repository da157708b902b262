import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnPath, RunningProgram } from '../interop/peers.ts';
import { launcher, type StartReport } from '../interop/taciturn.ts';
import type { Cleanup } from './cleanup.ts';
import { type Filling, fillStore } from './store-filling.ts';

/** A daemon on loopback, with its HTTP service and a store that holds something. */
export interface ServiceDaemon {
  readonly pid: number;
  readonly http: URL;
  /** Where TURN clients arrive. */
  readonly turnPort: number;
  /** The keys that it holds. */
  readonly keys: readonly string[];
  /** How long it took until it served. */
  readonly startMs: number;
  /** Lets it end by itself, and counts the lines of its audit log. */
  end(): Promise<{ readonly auditLines: number }>;
  /** Ends it, if it has not ended, and removes what it has left. */
  remove(): Promise<void>;
}

export interface ServiceOptions {
  /** Gives all its threads one processor core, where `taskset` is installed. */
  readonly oneCore: boolean;
}

/** The core that a daemon on one core has. */
const CORE = '0';

/** Starts a daemon as its users do, with audit log and logs, and waits until it serves. */
export async function startServiceDaemon(
  filling: Filling,
  { oneCore }: ServiceOptions,
  cleanup: Cleanup,
): Promise<ServiceDaemon> {
  const directory = mkdtempSync(join(tmpdir(), 'taciturn-bench-'));
  const dataDir = join(directory, 'data');
  let running: RunningProgram | undefined;
  const remove = cleanup.add(async () => {
    await running?.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  try {
    const keys = fillStore(dataDir, filling);
    const began = performance.now();
    running = new RunningProgram(...commandLine(writeConfiguration(directory, dataDir), oneCore));
    await running.waitFor(/^}$/m);
    const startMs = performance.now() - began;
    const { http, listening } = JSON.parse(running.stdout) as StartReport;
    return {
      pid: running.pid!,
      http: new URL(http),
      turnPort: listening[0]!.port,
      keys,
      startMs,
      end: async () => {
        await running!.stop('SIGTERM');
        return { auditLines: countLines(join(dataDir, 'audit.jsonl')) };
      },
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Whether a daemon can be given one core. */
export function canPin(): boolean {
  return findOnPath('taskset') !== undefined;
}

function commandLine(file: string, oneCore: boolean): [string, string[]] {
  const serve = [process.execPath, launcher, 'serve', '--config', file, '--json'];
  // `taskset` becomes the program that it runs.
  const [program, ...args] = oneCore && canPin() ? ['taskset', '--cpu-list', CORE, ...serve] : serve;
  return [program!, args];
}

function writeConfiguration(directory: string, dataDir: string): string {
  const file = join(directory, 'taciturn.yaml');
  writeFileSync(
    file,
    `dataDir: ${dataDir}
listen: { addresses: [127.0.0.1], port: 0 }
http: { port: 0 }
relay: { ipv4: { address: 127.0.0.1 }, ipv6: { address: none }, peers: { allow: [127.0.0.0/8] } }
store: { maxRevocations: 1100000 }
`,
  );
  return file;
}

function countLines(file: string): number {
  return readFileSync(file).reduce((lines, byte) => lines + (byte === 0x0a ? 1 : 0), 0);
}
