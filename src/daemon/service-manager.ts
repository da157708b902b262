import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { loadLibc } from '../syscalls/libc.ts';
import { UnixDatagrams } from '../syscalls/unix-datagrams.ts';

/** How often the status is told anew where no watchdog asks for more. */
const STATUS_PERIOD_MS = 10_000;
/** The service manager is busy when its socket is full: it is tried again for this long. */
const ATTEMPTS = 20;
const ATTEMPT_PAUSE_MS = 100;
const PROGRAM_TIMEOUT_MS = 5000;
/** What stopping takes once the last allocation has ended or the deadline is over. */
const STOP_SLACK_MS = 10_000;

type Environment = Readonly<Record<string, string | undefined>>;
/** Passes on one message of sd_notify(3): lines of `NAME=value`. */
export type Deliver = (message: string) => Promise<void>;

export interface ServiceManagerOptions {
  /** Whether every thread of the daemon still answers. While it is under way, nobody is asked again. */
  healthy(): Promise<boolean>;
  /** One line for `systemctl status`. */
  describe(): string;
  /** What the manager should have been told and was not, and why; said once until it is well again. */
  trouble(why: string): void;
}

export interface Supervision extends ServiceManagerOptions {
  readonly deliver: Deliver;
  /** How long the manager waits for a sign of life; `undefined` when it does not ask for any. */
  readonly watchdogMs: number | undefined;
}

/**
 * Tells the service manager that started the daemon how it is (sd_notify(3)); without one it does nothing.
 *
 * The sign of life that a watchdog waits for is given only after all threads have answered: a thread that hangs is as bad as
 * a process that does, and the manager then starts the daemon anew.
 */
export class ServiceManager {
  readonly #supervision: Supervision | undefined;
  /** Messages arrive in the order in which they were told. */
  #told: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #asking = false;
  #troubled = false;
  #status: string | undefined;

  constructor(supervision: Supervision | undefined) {
    this.#supervision = supervision;
  }

  /** Finds the manager by the environment that it starts services with. */
  static find(environment: Environment, options: ServiceManagerOptions): ServiceManager {
    const { NOTIFY_SOCKET: socket } = environment;
    if (!socket) return new ServiceManager(undefined);
    return new ServiceManager({
      healthy: () => options.healthy(),
      describe: () => options.describe(),
      trouble: (why) => options.trouble(why),
      deliver: findDelivery(socket),
      watchdogMs: watchdogPeriod(environment, process.pid),
    });
  }

  /** The daemon serves its clients, or has taken up what a reload brought. */
  ready(): void {
    const supervision = this.#supervision;
    if (supervision === undefined) return;
    this.#tell(['READY=1', this.#statusLine()]);
    const { watchdogMs } = supervision;
    this.#timer ??= setInterval(
      () => void this.#period(),
      watchdogMs === undefined ? STATUS_PERIOD_MS : watchdogMs / 2,
    );
    this.#timer.unref();
  }

  /** A reload begins; {@link ready} is told when it has ended, whatever came of it. */
  reloading(): void {
    // The clock must be CLOCK_MONOTONIC, which hrtime reads; managers that send the signal themselves compare it.
    const microseconds = process.hrtime.bigint() / 1000n;
    this.#tell(['RELOADING=1', `MONOTONIC_USEC=${microseconds}`]);
  }

  /**
   * The daemon is on its way out.
   *
   * @param deadlineMs how long that may take; the manager waits for so long, whatever its own limit is.
   */
  stopping(deadlineMs: number): void {
    this.#tell(['STOPPING=1', `EXTEND_TIMEOUT_USEC=${Math.ceil(deadlineMs + STOP_SLACK_MS) * 1000}`]);
  }

  /** Resolves when all has been told. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#told;
  }

  async #period(): Promise<void> {
    const { watchdogMs } = this.#supervision!;
    if (watchdogMs === undefined) {
      this.#tellStatus([]);
    } else if (!this.#asking) {
      this.#asking = true;
      const impatient = setTimeout(() => this.#say('a thread of the daemon does not answer'), watchdogMs / 4).unref();
      const well = await this.#supervision!.healthy().catch(() => false);
      clearTimeout(impatient);
      this.#asking = false;
      if (well) this.#tellStatus(['WATCHDOG=1']);
      else this.#say('the daemon is not well, so its watchdog is told nothing');
    }
  }

  #tellStatus(lines: string[]): void {
    const before = this.#status;
    const line = this.#statusLine();
    if (line !== before) lines.push(line);
    if (lines.length > 0) this.#tell(lines);
  }

  #statusLine(): string {
    this.#status = `STATUS=${this.#supervision!.describe().replaceAll('\n', ' ')}`;
    return this.#status;
  }

  #tell(lines: readonly string[]): void {
    const { deliver } = this.#supervision ?? {};
    if (deliver === undefined) return;
    this.#told = this.#told.then(async () => {
      try {
        await deliver(lines.join('\n'));
        this.#troubled = false;
      } catch (error) {
        this.#say(`the service manager was not told ${lines[0]} (${(error as Error).message})`);
      }
    });
  }

  #say(why: string): void {
    if (this.#troubled) return;
    this.#troubled = true;
    this.#supervision!.trouble(why);
  }
}

/** How long the watchdog waits for a sign of life of this process; `undefined` when there is none (sd_watchdog_enabled(3)). */
export function watchdogPeriod(environment: Environment, pid: number): number | undefined {
  const { WATCHDOG_USEC: microseconds, WATCHDOG_PID: watched } = environment;
  if (watched !== undefined && watched !== String(pid)) return undefined;
  return microseconds !== undefined && /^[1-9]\d*$/.test(microseconds) ? Number(microseconds) / 1000 : undefined;
}

/**
 * The way to the manager's socket. The system calls are made where they can be: no process is started for each message, and
 * the manager sees that it comes from the service itself. `systemd-notify`, which must be allowed by `NotifyAccess=all`, does
 * it elsewhere.
 */
function findDelivery(socket: string): Deliver {
  const libc = loadLibc();
  return typeof libc === 'string' ? deliverByProgram(socket) : deliverBySystemCalls(new UnixDatagrams(libc), socket);
}

/** Sends a message by the C library of this process. */
export function deliverBySystemCalls(datagrams: Pick<UnixDatagrams, 'send'>, socket: string): Deliver {
  return async (message) => {
    for (let attempt = 1; ; attempt++) {
      const error = datagrams.send(socket, message);
      if (error === undefined) return;
      if (error.code !== 'EAGAIN' || attempt === ATTEMPTS) throw error;
      await pause(ATTEMPT_PAUSE_MS);
    }
  };
}

/** Sends a message by the program of systemd, which waits until it was received. */
export function deliverByProgram(socket: string): Deliver {
  return async (message) => {
    const env = { ...process.env, NOTIFY_SOCKET: socket };
    await promisify(execFile)('systemd-notify', message.split('\n'), { env, timeout: PROGRAM_TIMEOUT_MS });
  };
}
