import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemCallError } from '../../src/syscalls/datagram-sockets.ts';
import { type Libc, loadLibc } from '../../src/syscalls/libc.ts';
import { UnixDatagrams } from '../../src/syscalls/unix-datagrams.ts';
import { Taciturn } from '../interop/taciturn.ts';

const libc = loadLibc();

/** The socket that systemd listens at, and what the daemon has told it. */
class NotifySocket {
  readonly path: string;
  readonly told: string[] = [];
  readonly #datagrams = new UnixDatagrams(libc as Libc);
  readonly #descriptor: number;
  #closed = false;

  constructor(path: string) {
    this.path = path;
    const descriptor = this.#datagrams.listen(path);
    if (descriptor instanceof SystemCallError) throw descriptor;
    this.#descriptor = descriptor;
  }

  /** Resolves when a message that matches has come after those that were waited for before. */
  async until(pattern: RegExp): Promise<void> {
    while (!this.#closed) {
      const text = this.#datagrams.receive(this.#descriptor);
      if (text === undefined) await pause(10);
      else this.told.push(text);
      if (text !== undefined && pattern.test(text)) return;
    }
  }

  close(): void {
    this.#closed = true;
    (libc as Libc).close(this.#descriptor);
  }
}

describe.skipIf(typeof libc === 'string')('a daemon that a service manager has started', () => {
  let directory: string;
  let manager: NotifySocket;
  let taciturn: Taciturn | undefined;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'taciturn-manager-'));
    manager = new NotifySocket(join(directory, 'notify'));
  });
  afterEach(async () => {
    await taciturn?.stop();
    manager.close();
    rmSync(directory, { recursive: true });
  });

  it('tells it from the start to the end how it is', async () => {
    const environment = [`NOTIFY_SOCKET=${manager.path}`, 'WATCHDOG_USEC=400000'];
    taciturn = await Taciturn.start('', { prefix: ['env', ...environment] });
    await manager.until(/^READY=1$/m);
    expect(manager.told).toEqual(['READY=1\nSTATUS=0 allocations']);
    await manager.until(/^WATCHDOG=1$/m);
    await manager.until(/^WATCHDOG=1$/m);
    process.kill(taciturn.program.pid!, 'SIGHUP');
    await manager.until(/^RELOADING=1\nMONOTONIC_USEC=\d+$/);
    await manager.until(/^READY=1$/m);
    process.kill(taciturn.program.pid!, 'SIGTERM');
    await manager.until(/^STOPPING=1\nEXTEND_TIMEOUT_USEC=40000000$/);
    expect(await taciturn.program.exited).toBe(0);
  });
});
