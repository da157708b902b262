/** What Linux tells about a daemon from outside: its process, memory, command line and open UDP ports. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** A running process, seen through /proc. */
export class DaemonProcess {
  readonly pid: number;

  private constructor(pid: number) {
    this.pid = pid;
  }

  /** The process whose command line names this directory, which is unique to each test. */
  static find(directory: string): DaemonProcess {
    for (const name of readdirSync('/proc')) {
      if (/^\d+$/.test(name) && commandLineOf(name)?.includes(directory)) return new DaemonProcess(Number(name));
    }
    throw new Error(`no process has ${directory} in its command line`);
  }

  get alive(): boolean {
    return commandLineOf(String(this.pid))?.length !== undefined && this.#status('State') !== 'Z (zombie)';
  }

  get commandLine(): string {
    return commandLineOf(String(this.pid)) ?? '';
  }

  /** Memory that it holds at this moment. */
  get residentBytes(): number {
    return Number.parseInt(this.#status('VmRSS'), 10) * 1024;
  }

  /** How many descriptors it has open. */
  get openDescriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** The ports at which it has UDP sockets, for each local address; sockets that share one address count once. */
  get udpPorts(): readonly number[] {
    const folder = `/proc/${this.pid}/fd`;
    const sockets = new Set(readdirSync(folder).map((file) => linkOf(join(folder, file))));
    return ['udp', 'udp6'].flatMap((table) => {
      const local = readFileSync(`/proc/${this.pid}/net/${table}`, 'utf8')
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => sockets.has(`socket:[${fields[9]}]`))
        .map((fields) => fields[1]!);
      return [...new Set(local)].map((address) => Number.parseInt(address.slice(address.lastIndexOf(':') + 1), 16));
    });
  }

  #status(key: string): string {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
  }
}

function commandLineOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // It has just ended.
    return undefined;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
