import { accessSync, constants, readFileSync, statfsSync, statSync } from 'node:fs';
import { isOpenToOthers } from '../../credentials/private-file.ts';
import type { AuditDependencies } from './audit-log.ts';
import type { FileDependencies } from './data-directory.ts';
import type { LimitDependencies, MachineLimits } from './limits.ts';

/** Files and limits of this machine, as the examination asks for them. */
export const thisMachine: FileDependencies & AuditDependencies & LimitDependencies = {
  isOpenToOthers,
  ownerBesideRoot(path) {
    const { uid } = statSync(path);
    return process.getuid?.() === 0 && uid !== 0 ? uid : undefined;
  },
  freeBytes(directory) {
    try {
      const { bavail, bsize } = statfsSync(directory);
      return bavail * bsize;
    } catch {
      return undefined;
    }
  },
  whyUnwritable(path) {
    try {
      accessSync(path, constants.W_OK);
      return undefined;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'unknown error';
    }
  },
  machineLimits,
};

/** CAP_NET_ADMIN in the bit set of a process (capabilities(7)). */
const netAdmin = 1n << 12n;

function machineLimits(): MachineLimits {
  // Node.js has raised its own limit as far as it may be, as it does for the server.
  const openFiles = /^Max open files +(\d+|unlimited)/m.exec(readText('/proc/self/limits'))?.[1];
  const receiveBuffer = readText('/proc/sys/net/core/rmem_max').trim();
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(readText('/proc/self/status'))?.[1] ?? '0';
  return {
    openFiles:
      openFiles === undefined ? undefined : openFiles === 'unlimited' ? Number.POSITIVE_INFINITY : Number(openFiles),
    receiveBufferBytes: receiveBuffer === '' ? undefined : Number(receiveBuffer),
    administersNetwork: (BigInt(`0x${capabilities}`) & netAdmin) !== 0n,
  };
}

/** Empty where there is no such file, as on other systems than Linux. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
