import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Home } from './home.ts';
import { NatLab } from './nat-lab.ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export type Family = 'ipv4' | 'ipv6';

interface Result {
  readonly id: string;
  /** As `address:port`, where a socket was opened. */
  readonly mapped?: string | null;
  /** Where checks were sent. */
  readonly worked?: number;
}

const [{ ipv4, ipv6 }] = NatLab.servers;
const servers = { ipv4: { address: ipv4[0], port: 3478 }, ipv6: { address: ipv6[0], port: 3478 } } as const;

/** A program in a home that makes connections to other homes, many at once. */
export class Puncher {
  readonly home: Home;
  readonly #program: ChildProcessWithoutNullStreams;
  readonly #awaited = new Map<string, { resolve(result: Result): void; reject(error: Error): void }>();
  #errors = '';

  constructor(home: Home) {
    this.home = home;
    const script = new URL('hole-puncher.js', import.meta.url).pathname;
    const [command, ...args] = [...home.client.prefix, process.execPath, script];
    this.#program = spawn(command!, args);
    this.#program.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    createInterface({ input: this.#program.stdout }).on('line', (line) => this.#settle(JSON.parse(line) as Result));
    this.#program.once('close', () => this.#ended());
  }

  /** Opens a socket and asks a server how it sees it; `null` where there is no answer. */
  async open(id: string, family: Family): Promise<Endpoint | null> {
    const { clientAddress, clientAddress6 } = this.home;
    const local = family === 'ipv4' ? clientAddress : clientAddress6;
    if (local === undefined) return null;
    const { mapped } = await this.#do({ do: 'open', id, local, server: servers[family] });
    if (!mapped) return null;
    const [, address, port] = /^\[?(.*?)\]?:(\d+)$/.exec(mapped)!;
    return { address: address!, port: Number(port) };
  }

  /** Sends checks to a peer for a while; returns whether one has worked. */
  async punch(id: string, peer: Endpoint, milliseconds: number): Promise<boolean> {
    const { worked } = await this.#do({ do: 'punch', id, peer, milliseconds });
    return worked! > 0;
  }

  async stop(): Promise<void> {
    const closed = once(this.#program, 'close');
    this.#program.kill('SIGKILL');
    await closed;
  }

  #do(command: { readonly id: string } & Readonly<Record<string, unknown>>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#awaited.set(command.id, { resolve, reject });
      this.#program.stdin.write(`${JSON.stringify(command)}\n`);
    });
  }

  #settle(result: Result): void {
    this.#awaited.get(result.id)?.resolve(result);
    this.#awaited.delete(result.id);
  }

  #ended(): void {
    for (const { reject } of this.#awaited.values()) {
      reject(new Error(`the program that makes connections has ended: ${this.#errors}`));
    }
  }
}
