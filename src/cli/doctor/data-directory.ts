import type { Configuration } from '../../config/settings.ts';
import { sharedSecretFile } from '../../credentials/first-start.ts';
import { databaseFile } from '../../store/sqlite/sqlite-store.ts';
import { formatBytes } from '../operator/amounts.ts';
import { type Finding, findingsAbout } from './finding.ts';

const finding = findingsAbout('data-directory');

export interface FileDependencies {
  /** Throws where there is no such file. */
  readonly isOpenToOthers: (path: string) => boolean;
  /** The user id to whom a file belongs when that is another than ours and we are root; root may do everything. */
  readonly ownerBesideRoot: (path: string) => number | undefined;
  /** Bytes that may still be written to the disk of a directory; `undefined` when it does not tell. */
  readonly freeBytes: (directory: string) => number | undefined;
}

/** A backup beside the database, or a month of the audit log of a busy server. */
const lowBytes = 500e6;
/** The write-ahead log of the database alone may grow to 64 MiB. */
const fullBytes = 70e6;

/** Whether the secrets in the data directory are for their owner only, and whether there is room for more. */
export function dataDirectoryFindings({ dataDir }: Configuration, dependencies: FileDependencies): Finding[] {
  const found: Finding[] = [];
  for (const path of [dataDir, sharedSecretFile(dataDir), databaseFile(dataDir)]) {
    let isOpen: boolean;
    try {
      isOpen = dependencies.isOpenToOthers(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // The secret may be configured, Redis may be the store, and what is not there yet is made by the first start.
      if (code === 'ENOENT' && path !== dataDir) continue;
      return [missing(dataDir, code)];
    }
    if (isOpen) found.push(open(path, path === dataDir ? '700' : '600'));
  }
  if (found.length === 0) {
    found.push(finding('ok', 'data_directory', `${dataDir} and the secrets in it are closed to other users.`));
  }
  const owner = dependencies.ownerBesideRoot(dataDir);
  if (owner !== undefined) found.push(lookedAtByRoot(dataDir, owner));
  return [...found, ...room(dataDir, dependencies.freeBytes(dataDir))];
}

function room(dataDir: string, free: number | undefined): Finding[] {
  if (free === undefined) return [];
  const facts = { freeBytes: free };
  if (free >= lowBytes)
    return [{ ...finding('ok', 'disk_space', `The disk of ${dataDir} has ${formatBytes(free)} left.`), facts }];
  const isFull = free < fullBytes;
  const left = `The disk of ${dataDir} has only ${formatBytes(free)} left`;
  return [
    {
      ...finding(
        isFull ? 'problem' : 'warning',
        isFull ? 'disk_full' : 'disk_low',
        isFull
          ? `${left}: the database and the audit log cannot be written much longer.`
          : `${left}, for the database, its backups and the audit log.`,
        'Make room there, or move dataDir to a larger disk while the server is stopped.',
      ),
      facts,
    },
  ];
}

function lookedAtByRoot(dataDir: string, owner: number): Finding {
  return finding(
    'not-tested',
    'looked_at_by_root',
    `Whether the server may read and write its files was not tested: root may do everything, and ${dataDir} belongs to the user with the id ${owner}.`,
    `Run doctor as that user: sudo -u '#${owner}' taciturn doctor …`,
  );
}

function open(path: string, mode: string): Finding {
  return finding(
    'problem',
    'data_directory_open',
    `${path} is open to other users of this machine.`,
    `Close it: chmod ${mode} ${path}`,
  );
}

function missing(dataDir: string, code: string | undefined): Finding {
  return finding(
    'not-tested',
    'data_directory_missing',
    code === 'ENOENT'
      ? `The data directory was not tested: ${dataDir} does not exist. The server was never started with this configuration, or from another directory.`
      : `The data directory ${dataDir} could not be looked at (${code}).`,
    'Run doctor with the configuration, in the working directory and as the user of the server.',
  );
}
