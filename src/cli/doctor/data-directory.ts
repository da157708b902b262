import type { Configuration } from '../../config/settings.ts';
import { sharedSecretFile } from '../../credentials/first-start.ts';
import { databaseFile } from '../../store/sqlite/sqlite-store.ts';
import type { Finding } from './finding.ts';

export interface FileDependencies {
  /** Throws where there is no such file. */
  readonly isOpenToOthers: (path: string) => boolean;
}

/** Whether the secrets in the data directory are for their owner only. */
export function dataDirectoryFindings({ dataDir }: Configuration, { isOpenToOthers }: FileDependencies): Finding[] {
  const found: Finding[] = [];
  for (const path of [dataDir, sharedSecretFile(dataDir), databaseFile(dataDir)]) {
    let isOpen: boolean;
    try {
      isOpen = isOpenToOthers(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // The secret may be configured, Redis may be the store, and what is not there yet is made by the first start.
      if (code === 'ENOENT' && path !== dataDir) continue;
      return [missing(dataDir, code)];
    }
    if (isOpen) found.push(open(path, path === dataDir ? '700' : '600'));
  }
  if (found.length > 0) return found;
  return [
    {
      about: 'data-directory',
      level: 'ok',
      code: 'data_directory',
      sentence: `${dataDir} and the secrets in it are closed to other users.`,
    },
  ];
}

function open(path: string, mode: string): Finding {
  return {
    about: 'data-directory',
    level: 'problem',
    code: 'data_directory_open',
    sentence: `${path} is open to other users of this machine.`,
    fix: `Close it: chmod ${mode} ${path}`,
  };
}

function missing(dataDir: string, code: string | undefined): Finding {
  return {
    about: 'data-directory',
    level: 'not-tested',
    code: 'data_directory_missing',
    sentence:
      code === 'ENOENT'
        ? `The modes of the data directory were not tested: ${dataDir} does not exist. The server was never started with this configuration, or from another directory.`
        : `The data directory ${dataDir} could not be looked at (${code}).`,
    fix: 'Run doctor with the configuration, in the working directory and as the user of the server.',
  };
}
