/** Programs that others wrote, run as peers of ours: found, started, waited for, and stopped by their own handle. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';

/**
 * Whether a peer can be run here: a program on the PATH, or an installed npm package (`npm:NAME`). When it cannot, the reason
 * is printed and the test is to be skipped; in CI nothing may be skipped, so there it is an error.
 *
 * @example describe.skipIf(!requirePeer('turnserver'))('coturn', …)
 */
export function requirePeer(name: string): boolean {
  if (name.startsWith('npm:') ? isInstalled(name.slice(4)) : findOnPath(name) !== undefined) return true;
  const reason = `${name} is not installed (bash test/install-peers.sh installs the peer programs)`;
  if (process.env.CI === 'true') throw new Error(reason);
  process.stderr.write(`skipped: ${reason}\n`);
  return false;
}

/** A UDP port of a local address that is free right now. */
export async function freeUdpPort(host = '127.0.0.1'): Promise<number> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4').bind(0, host);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Written to its standard input, which is then closed. */
  readonly input?: string;
}

/** A program under way. Its output is kept as it comes. */
export class RunningProgram {
  stdout = '';
  stderr = '';
  /** Its exit status, or `null` when a signal ended it. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #command: string;
  #ended = false;

  constructor(command: string, args: readonly string[], options: RunOptions = {}) {
    this.#command = command;
    this.#child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    this.#child.stdin?.end(options.input);
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.exited = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      // Not `exit`: the last output may come after it.
      this.#child.once('close', (code) => {
        this.#ended = true;
        resolve(code);
      });
    });
  }

  /** Its process id, once it has started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when its output has matched; rejects, with that output, when the program ends before. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
        if (match) finish(() => resolve(match));
        else if (this.#ended) finish(() => reject(this.#unmatched(pattern)));
      };
      const finish = (settle: () => void) => {
        this.#child.stdout?.off('data', look);
        this.#child.stderr?.off('data', look);
        this.#child.off('close', look);
        settle();
      };
      this.#child.stdout?.on('data', look);
      this.#child.stderr?.on('data', look);
      this.#child.on('close', look);
      this.exited.catch(reject);
      look();
    });
  }

  /** Sends it a signal. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the program if it still runs, and waits until it has ended. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (!this.#ended) this.#child.kill(signal);
    await this.exited;
  }

  #unmatched(pattern: RegExp): Error {
    return new Error(`${this.#command} ended without ${pattern}:\n${this.stdout}\n${this.stderr}`);
  }
}

/** Runs a program to its end. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const program = new RunningProgram(command, args, options);
  const code = await program.exited;
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/** Where a program is that {@link requirePeer} found; `undefined` when it is not on the PATH. */
export function findOnPath(program: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  // npm puts the commands of its packages first; one of them is called as a program of Debian's is (stun).
  const places = folders.filter((folder) => !folder.includes('node_modules')).map((folder) => join(folder, program));
  return places.find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}
