/** Our own daemon, run as its users run it: as a process of its own, from the launcher. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RunningProgram, run } from './peers.ts';

/** What `taciturn serve --json` prints at its start. */
export interface StartReport {
  readonly listening: readonly { readonly transport: string; readonly address: string; readonly port: number }[];
  readonly http: string;
  readonly urls: readonly string[];
  readonly plane: string;
  readonly planeWhy: string;
  readonly workers: number;
  readonly apiKey: string | null;
}

export const launcher = fileURLToPath(new URL('../../bin/taciturn.js', import.meta.url));
export const sharedSecret = 'a secret that only the tests know';

export interface StartOptions {
  readonly listen?: 'auto' | readonly string[];
  /** What to put in front of the command line, such as `ip netns exec NAME`. */
  readonly prefix?: readonly string[];
  /** The admin key, where a daemon before has made it. */
  readonly apiKey?: string;
}

/** A daemon on loopback with free ports and a data directory of its own. */
export class Taciturn {
  readonly program: RunningProgram;
  readonly directory: string;
  readonly report: StartReport;
  /** The port of UDP, TCP and, with a certificate, TLS. */
  readonly port: number;
  readonly http: string;
  /** The admin key that the first start has made; where that was another daemon's, it has to be given. */
  readonly apiKey: string;
  /** The configuration file, which a test may change. */
  readonly file: string;
  readonly #prefix: readonly string[];

  private constructor(program: RunningProgram, file: string, report: StartReport, options: StartOptions) {
    this.program = program;
    this.file = file;
    this.directory = dirname(file);
    this.report = report;
    this.port = report.listening[0]!.port;
    this.http = report.http;
    this.apiKey = report.apiKey ?? options.apiKey!;
    this.#prefix = options.prefix ?? [];
  }

  /**
   * Starts a daemon and waits until it serves.
   *
   * @param yaml more configuration; it may not repeat the sections `listen`, `http` and `authentication` given here.
   */
  static async start(yaml = '', options: StartOptions = {}): Promise<Taciturn> {
    const directory = mkdtempSync(join(tmpdir(), 'taciturn-test-'));
    const { listen = ['127.0.0.1', '::1'] } = options;
    const file = join(directory, 'taciturn.yaml');
    writeFileSync(
      file,
      `dataDir: ${directory}/data
listen: { addresses: ${JSON.stringify(listen)}, port: 0 }
http: { port: 0 }
authentication: { sharedSecrets: ["${sharedSecret}"], users: [{ name: alice, password: correct horse }] }
${yaml}`,
    );
    return Taciturn.#run(file, yaml, options);
  }

  static async #run(file: string, yaml: string, options: StartOptions): Promise<Taciturn> {
    const command = [...(options.prefix ?? []), process.execPath, launcher, 'serve', '--config', file, '--json'];
    const program = new RunningProgram(command[0]!, command.slice(1), { env: environmentFor(yaml) });
    await program.waitFor(/^}$/m);
    return new Taciturn(program, file, JSON.parse(program.stdout) as StartReport, options);
  }

  /** Ends the process, by default as a crash does, and starts another on what is left of it. */
  async restart(signal: NodeJS.Signals = 'SIGKILL'): Promise<Taciturn> {
    await this.program.stop(signal);
    const { apiKey } = this;
    return Taciturn.#run(this.file, readFileSync(this.file, 'utf8'), { prefix: this.#prefix, apiKey });
  }

  /** Asks the HTTP service for a credential, as an app does. */
  async issueCredential(body: object = {}): Promise<IssuedCredential> {
    const response = await this.fetch('/v1/credentials', { method: 'POST', body: JSON.stringify(body) });
    if (response.status !== 201) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
    return (await response.json()) as IssuedCredential;
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${this.apiKey}`, 'content-type': 'application/json' };
    const [url, options] = [`${this.http}${path}`, { headers, ...init }];
    if (this.#prefix.length === 0) return fetch(url, options);
    // Loopback of another namespace: the request has to be made in there.
    const script = `fetch(...${JSON.stringify([url, options])}).then(async (r) => console.log(JSON.stringify([r.status, await r.text()])))`;
    const [command, ...args] = [...this.#prefix, process.execPath, '-e', script];
    const [status, body] = JSON.parse((await run(command!, args)).stdout) as [number, string];
    return new Response(body, { status });
  }

  /** The value of one metric; of all its series together when `labels` is left out. */
  async metric(name: string, labels = ''): Promise<number> {
    const text = await (await this.fetch('/metrics')).text();
    const lines = text.split('\n').filter((line) => line.startsWith(name) && /^[ {]/.test(line.slice(name.length)));
    return lines
      .filter((line) => line.includes(labels))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  /** How many packets went nowhere, for each reason that there was. */
  async drops(): Promise<Readonly<Record<string, number>>> {
    const text = await (await this.fetch('/metrics')).text();
    const lines = text.matchAll(/^taciturn_dropped_packets_total\{reason="(.+)"\} ([1-9]\d*)$/gm);
    return Object.fromEntries([...lines].map(([, reason, count]) => [reason, Number(count)]));
  }

  /** The structured log so far; with `--json` it goes to stderr. */
  get log(): readonly Record<string, unknown>[] {
    return this.program.stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async stop(): Promise<void> {
    await this.program.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/**
 * `TACITURN_RELAY__PLANE` runs the tests on another plane, but for those whose configuration says which one they are about:
 * to the daemon, the environment comes before the file.
 */
function environmentFor(yaml: string): NodeJS.ProcessEnv {
  if (!/\bplane:/.test(yaml)) return process.env;
  const { TACITURN_RELAY__PLANE: _plane, TACITURN_RELAY__WORKERS: _workers, ...others } = process.env;
  return others;
}

export interface IssuedCredential {
  readonly iceServers: readonly {
    readonly urls: readonly string[];
    readonly username?: string;
    readonly credential?: string;
  }[];
  readonly username: string;
  readonly credential: string;
  readonly ttlSeconds: number;
  readonly expiresAt: string;
}

/** Of issued `iceServers`, what leads to a relay over one transport. */
export function offeredOver(
  transport: 'udp' | 'tcp' | 'tls',
  iceServers: IssuedCredential['iceServers'],
): IssuedCredential['iceServers'] {
  const pattern = transport === 'tls' ? /^turns:/ : new RegExp(`^turn:.*[?]transport=${transport}$`);
  const only = iceServers.map((server) => ({ ...server, urls: server.urls.filter((url) => pattern.test(url)) }));
  const offered = only.filter(({ urls }) => urls.length > 0);
  if (offered.length === 0) throw new Error(`no relay over ${transport} is offered`);
  return offered;
}

/** Runs a `taciturn` command to its end. */
export function taciturn(args: readonly string[], options: Parameters<typeof run>[2] = {}): ReturnType<typeof run> {
  return run(process.execPath, [launcher, ...args], options);
}
