import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunningProgram } from '../interop/peers.ts';

export interface RedisServerOptions {
  readonly password?: string;
}

/** Debian's Redis on a free port, with a directory of its own. It keeps its data when it is stopped and started. */
export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  readonly #password: string | undefined;
  #program: RunningProgram | undefined;

  static async start({ password }: RedisServerOptions = {}): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'taciturn-redis-'));
    const server = new RedisServer(await freeTcpPort(), folder, password);
    await server.start();
    return server;
  }

  private constructor(port: number, folder: string, password: string | undefined) {
    this.port = port;
    this.#folder = folder;
    this.#password = password;
  }

  get url(): string {
    return `redis://${this.#password === undefined ? '' : `:${this.#password}@`}127.0.0.1:${this.port}`;
  }

  /** Starts it again after {@link stop}. */
  async start(): Promise<void> {
    this.#program = new RunningProgram(
      'redis-server',
      [
        ...['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder],
        ...['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'],
        ...(this.#password === undefined ? [] : ['--requirepass', this.#password]),
      ],
      { cwd: this.#folder },
    );
    await this.#program.waitFor(/Ready to accept connections/);
  }

  /** Ends it; what it keeps stays until {@link remove}. */
  async stop(): Promise<void> {
    // It does not end while it is paused.
    this.#program?.signal('SIGCONT');
    await this.#program?.stop('SIGTERM');
    this.#program = undefined;
  }

  /** Has it hang: connections are still accepted, and nothing is answered. */
  pause(): void {
    this.#program?.signal('SIGSTOP');
  }

  resume(): void {
    this.#program?.signal('SIGCONT');
  }

  /** Ends it for good. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function freeTcpPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
