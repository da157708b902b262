/** Small networks on this machine, made of network namespaces. They need root on Linux. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

/** Whether namespaces can be made here. When not, the reason is printed; in CI that is an error. */
export function canMakeNamespaces(): boolean {
  const name = `t${randomBytes(4).toString('hex')}`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'delete', name);
    return true;
  } catch {
    const reason = 'network namespaces cannot be made here (they need root on Linux, and the program ip)';
    if (process.env.CI === 'true') throw new Error(reason);
    process.stderr.write(`skipped: ${reason}\n`);
    return false;
  }
}

/** Runs `ip` and waits for it. */
export function ip(...args: readonly string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** What to put in front of a command line to run it in a namespace. */
export function inNamespace(name: string): readonly string[] {
  return ['ip', 'netns', 'exec', name];
}

/**
 * A server between two networks that it does not join: each client reaches the server and nothing else.
 *
 *     caller 10.77.1.2 ─── 10.77.1.1 server 10.77.2.1 ─── 10.77.2.2 callee
 *                               10.77.0.1 (the server's own address)
 */
export class SeparateNetworks {
  readonly server: string;
  readonly caller: string;
  readonly callee: string;
  readonly serverAddress = '10.77.0.1';

  constructor() {
    const id = randomBytes(3).toString('hex');
    this.server = `tac-s-${id}`;
    this.caller = `tac-a-${id}`;
    this.callee = `tac-b-${id}`;
    for (const name of this.#names) {
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
    }
    ip('-n', this.server, 'address', 'add', `${this.serverAddress}/32`, 'dev', 'lo');
    this.#join(this.caller, 1);
    this.#join(this.callee, 2);
  }

  /** Takes everything away; processes inside must have ended. */
  remove(): void {
    for (const name of this.#names) ip('netns', 'delete', name);
  }

  get #names(): readonly string[] {
    return [this.server, this.caller, this.callee];
  }

  #join(client: string, network: number): void {
    const near = `client${network}`;
    ip('-n', this.server, 'link', 'add', near, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', client);
    ip('-n', this.server, 'address', 'add', `10.77.${network}.1/24`, 'dev', near);
    ip('-n', client, 'address', 'add', `10.77.${network}.2/24`, 'dev', 'eth0');
    ip('-n', this.server, 'link', 'set', near, 'up');
    ip('-n', client, 'link', 'set', 'eth0', 'up');
    ip('-n', client, 'route', 'add', 'default', 'via', `10.77.${network}.1`);
  }
}
