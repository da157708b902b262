import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import type { Circumstances } from './document.ts';

/** Finds out what this machine is and which versions of the programs it has. */
export function circumstances(network: string, rounds: number): Circumstances {
  const cores = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    machine: `${cores.length} × ${cores[0]?.model.trim() ?? 'unknown processor'}, ${memory} GiB, Linux ${release()}`,
    network,
    rounds,
    loadAverage: loadavg()[0]!,
    versions: [
      ['taciturn', taciturnVersion()],
      ['Node', process.versions.node],
      ['coturn', outputOf('turnserver', '--version').match(/\d+\.\d+\.\d+/)?.[0] ?? 'none'],
      ['npm turn-server', packageVersion('turn-server')],
      ['npm node-turn', packageVersion('node-turn')],
      ['cc', outputOf('cc', '--version').split('\n')[0] || 'none'],
    ],
  };
}

function taciturnVersion(): string {
  const { version } = readPackage(new URL('../../package.json', import.meta.url));
  const commit = outputOf('git', 'describe', '--always', '--dirty').trim();
  return commit === '' ? version : `${version} (${commit})`;
}

function packageVersion(name: string): string {
  // A package need not export its package.json.
  const entry = import.meta.resolve(name);
  const folder = `/node_modules/${name}/`;
  return readPackage(new URL(`${entry.slice(0, entry.lastIndexOf(folder) + folder.length)}package.json`)).version;
}

function readPackage(url: URL): { readonly version: string } {
  return JSON.parse(readFileSync(url, 'utf8')) as { version: string };
}

/** What a program prints; nothing when there is no such program. */
function outputOf(program: string, ...args: string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
