import { StoreError } from '../store.ts';

/** What to tell about each kind of failure, by the beginning of SQLite's name for it. */
const sentences: readonly (readonly [codes: RegExp, tell: (path: string, code: string) => string])[] = [
  [/^SQLITE_FULL/, (path) => `There is no room left for ${path}: make some on its disk or in the quota.`],
  [
    /^SQLITE_(BUSY|LOCKED)/,
    (path) => `${path} is locked by another program, such as a backup or an SQLite shell: end what holds it.`,
  ],
  [
    /^SQLITE_(CORRUPT|NOTADB)/,
    (path) =>
      `${path} is damaged. Stop everything that uses it and restore it from a backup, or move it away together with its -wal and -shm files to begin with an empty one.`,
  ],
  [
    /^SQLITE_(CANTOPEN|PERM|AUTH)/,
    (path) => `${path} cannot be opened: check the owner and the mode of the file and of its directory.`,
  ],
  [
    /^SQLITE_READONLY/,
    (path) => `${path} cannot be written: check owner and mode, and whether the file system is read-only.`,
  ],
  [/^SQLITE_IOERR/, (path, code) => `Reading or writing ${path} has failed (${code}): check the disk and its room.`],
];

/** The failure of an SQLite call, in a sentence that says what happened and what to do. A bug of ours stays what it is. */
export function storeErrorOf(error: unknown, path: string): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error;
  const { code } = error as Error & { readonly code?: unknown };
  if (typeof code !== 'string') return error;
  const [, tell] = sentences.find(([codes]) => codes.test(code)) ?? [];
  if (tell !== undefined) return new StoreError(tell(path, code));
  return code.startsWith('SQLITE_') ? error : fileFailure(error, path, code);
}

/** Before SQLite has the file, Node's own calls may fail. */
function fileFailure(error: Error, path: string, code: string): unknown {
  return /^E[A-Z]+$/.test(code)
    ? new StoreError(`${path} cannot be used (${code}): check that its directory exists, its owner, mode and room.`)
    : error;
}
