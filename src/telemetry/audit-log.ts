import { closeSync, fchownSync, openSync, statSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock, Timer } from '../client/clock.ts';
import type { UnixSeconds } from '../turn/time.ts';
import type { Log } from './log.ts';

/** What an operator or an app has done. */
export type AuditAction =
  | 'credential-issued'
  | 'credential-revoked'
  | 'user-revoked'
  | 'user-restored'
  | 'key-created'
  | 'key-revoked'
  | 'user-added'
  | 'user-removed'
  | 'session-ended'
  | 'drain'
  | 'reload';

/** One line of the audit log. No field ever holds a secret. */
export interface AuditEntry {
  readonly action: AuditAction;
  /** The id of the API key, or the system user who ran a command. */
  readonly by: string;
  readonly via: 'http' | 'command' | 'signal';
  /** The address that the request came from; for a command the host's name. */
  readonly from: string;
  /** What it was done to: a username, a user, the id of a key or of a session. */
  readonly subject?: string | undefined;
  /** Further facts, such as scopes, TTL and label. */
  readonly details?: Readonly<Record<string, string | number | boolean | readonly string[]>> | undefined;
  /** Why it was not done. */
  readonly refused?: string | undefined;
}

/** An entry with its time, as it is written. */
export interface AuditRecord extends AuditEntry {
  readonly at: UnixSeconds;
}

/** What the audit log needs of the machine. */
export interface AuditServices {
  readonly log: Pick<Log, 'info' | 'error'>;
  readonly clock: Clock;
  /** Opens the file; that of Node.js unless a test has its own. */
  readonly open?: typeof open;
}

/** Records that wait in memory while the file cannot be written. */
const MAX_PENDING_BYTES = 4 * 1024 * 1024;
const RETRY_MS = 5000;
const newline = Buffer.from('\n');

/**
 * Appends records to a file as JSON lines, some time after they were given. While the file cannot be written, as on a full
 * disk, up to 4 MB of records wait and it is tried again every five seconds; what is more is lost and counted.
 */
export class AuditLog {
  readonly #file: string;
  readonly #services: Required<AuditServices>;
  #handle: FileHandle | undefined;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #lost = 0;
  #failing = false;
  /** A line was cut off in its middle: the next one must not go on behind it. */
  #torn = false;
  #reopen = false;
  #writing: Promise<void> | undefined;
  #retry: Timer | undefined;
  #closed = false;

  constructor(file: string, services: AuditServices) {
    this.#file = file;
    this.#services = { open, ...services };
  }

  /** How many records could not be kept. */
  get lost(): number {
    return this.#lost;
  }

  /** Takes a record in; returns at once and never throws. */
  write(record: AuditRecord): void {
    const line = Buffer.from(lineOf(record), 'utf8');
    if (this.#closed || this.#pendingBytes + line.length > MAX_PENDING_BYTES) {
      this.#lost++;
      return;
    }
    this.#pending.push(line);
    this.#pendingBytes += line.length;
    if (!this.#failing) this.#start();
  }

  /** Opens the file anew, after it has been moved away (log rotation). Also tries at once what had failed. */
  reopen(): void {
    if (this.#closed) return;
    this.#reopen = true;
    this.#start();
  }

  /** Resolves when what was given so far is written, or cannot be written at the moment. */
  async flush(): Promise<void> {
    this.#start();
    await this.#writing;
  }

  /** Writes what waits, if it can be, and closes the file. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#lost += this.#pending.length;
    this.#pending = [];
    await this.#closeHandle();
  }

  #start(): void {
    this.#writing ??= this.#run();
  }

  async #run(): Promise<void> {
    this.#retry?.cancel();
    this.#retry = undefined;
    // What is given in the same moment goes out together.
    await Promise.resolve();
    try {
      while (this.#pending.length > 0 || this.#reopen || this.#failing) {
        await this.#writePending();
        this.#works();
      }
    } catch (error) {
      await this.#failed(error as Error);
    }
    // In the same turn as the last look at what waits, so that nothing is left lying.
    this.#writing = undefined;
  }

  async #writePending(): Promise<void> {
    if (this.#reopen) {
      this.#reopen = false;
      await this.#closeHandle();
    }
    this.#handle ??= await this.#services.open(this.#file, 'a', 0o600);
    const lines = this.#torn ? [newline, ...this.#pending] : this.#pending;
    this.#pending = [];
    const bytes = Buffer.concat(lines);
    let written = 0;
    try {
      while (written < bytes.length) written += (await this.#handle.write(bytes, written)).bytesWritten;
    } finally {
      this.#keepUnwritten(lines, written);
    }
  }

  /** The lines that are not in the file as a whole wait again. */
  #keepUnwritten(lines: readonly Buffer[], written: number): void {
    let whole = 0;
    let end = 0;
    // A line that lacks nothing but its end must not be written twice.
    while (whole < lines.length && end + lines[whole]!.length - 1 <= written) end += lines[whole++]!.length;
    if (written > 0) this.#torn = end !== written;
    this.#pending = [...lines.slice(whole).filter((line) => line !== newline), ...this.#pending];
    this.#pendingBytes = this.#pending.reduce((total, { length }) => total + length, 0);
  }

  async #failed({ message }: Error): Promise<void> {
    await this.#closeHandle();
    if (!this.#closed) this.#retry = this.#services.clock.schedule(RETRY_MS, () => this.#start());
    if (this.#failing) return;
    this.#failing = true;
    const facts = { event: 'audit-log-failed', why: message };
    this.#services.log.error(facts, `the audit log cannot be written: ${message}; it is tried again`);
  }

  #works(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#services.log.info({ event: 'audit-log-works', lost: this.#lost }, 'the audit log is written again');
  }

  async #closeHandle(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    try {
      await handle?.close();
    } catch {
      // What was written before has been said to be written.
    }
  }
}

/**
 * Appends one record at once, for a command that runs beside the daemon or without it.
 *
 * @throws when the file cannot be written
 */
export function appendAuditRecord(file: string, record: AuditRecord): void {
  const descriptor = openToAppend(file);
  try {
    // One call, so that it does not mix with what the daemon writes.
    writeSync(descriptor, lineOf(record));
  } finally {
    closeSync(descriptor);
  }
}

/** A file that root makes belongs to whom its directory belongs to, or the daemon could not write it later. */
function openToAppend(file: string): number {
  try {
    const descriptor = openSync(file, 'ax', 0o600);
    if (process.getuid?.() === 0) {
      const { uid, gid } = statSync(dirname(file));
      fchownSync(descriptor, uid, gid);
    }
    return descriptor;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return openSync(file, 'a');
  }
}

/** Characters that JSON may leave as they are, but that break lines or mislead a terminal. */
const misleading = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

function lineOf({ at, action, by, via, from, subject, details, refused }: AuditRecord): string {
  const time = new Date(at * 1000).toISOString();
  const text = JSON.stringify({ at: time, action, by, via, from, subject, details, refused });
  return `${text.replace(misleading, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}
