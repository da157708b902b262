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

/** One network namespace: a machine of its own, as far as its network goes. */
export class NetworkNamespace {
  readonly name = `taciturn-${randomBytes(4).toString('hex')}`;
  /** What to put in front of a command line to run it in here. */
  readonly prefix: readonly string[] = inNamespace(this.name);

  constructor() {
    ip('netns', 'add', this.name);
    this.ip('link', 'set', 'lo', 'up');
  }

  /** Runs `ip` in here. */
  ip(...args: readonly string[]): string {
    return ip('-n', this.name, ...args);
  }

  /** Runs a program in here to its end. */
  run(program: string, args: readonly string[], input = ''): string {
    const [command, ...rest] = [...this.prefix, program, ...args];
    return execFileSync(command!, rest, { encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'], input });
  }

  /** Lays a cable to another namespace; the addresses, each with its prefix length, are those of either end. */
  connect(own: CableEnd, other: NetworkNamespace, others: CableEnd): void {
    this.ip('link', 'add', own.device, 'type', 'veth', 'peer', 'name', others.device, 'netns', other.name);
    this.#plugIn(own);
    other.#plugIn(others);
  }

  /** Sends what is for nobody nearby through this router. */
  routeThrough(router: string): void {
    this.ip('route', 'add', 'default', 'via', router);
  }

  /** Takes it away with its cables; processes inside must have ended. */
  remove(): void {
    ip('netns', 'delete', this.name);
  }

  #plugIn({ device, addresses }: CableEnd): void {
    // Without duplicate address detection an IPv6 address can be used at once.
    for (const address of addresses) {
      this.ip('address', 'add', address, 'dev', device, ...(address.includes(':') ? ['nodad'] : []));
    }
    this.ip('link', 'set', device, 'up');
  }
}

export interface CableEnd {
  readonly device: string;
  /** Such as `192.168.1.1/24`. */
  readonly addresses: readonly string[];
}

/**
 * A server between two networks that it does not join: each client reaches the server and nothing else.
 *
 *     caller 10.77.1.2 ─── 10.77.1.1 server 10.77.2.1 ─── 10.77.2.2 callee
 *                               10.77.0.1 (the server's own address)
 */
export class SeparateNetworks {
  readonly server = new NetworkNamespace();
  readonly caller = new NetworkNamespace();
  readonly callee = new NetworkNamespace();
  readonly serverAddress = '10.77.0.1';

  constructor() {
    this.server.ip('address', 'add', `${this.serverAddress}/32`, 'dev', 'lo');
    this.#join(this.caller, 1);
    this.#join(this.callee, 2);
  }

  /** Takes everything away; processes inside must have ended. */
  remove(): void {
    for (const namespace of [this.server, this.caller, this.callee]) namespace.remove();
  }

  #join(client: NetworkNamespace, network: number): void {
    const router = { device: `client${network}`, addresses: [`10.77.${network}.1/24`] };
    this.server.connect(router, client, { device: 'eth0', addresses: [`10.77.${network}.2/24`] });
    client.routeThrough(`10.77.${network}.1`);
  }
}
