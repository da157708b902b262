import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DaemonProcess } from './daemon-process.ts';
import { RunningProgram } from './peers.ts';
import { alice, allocate, connect, relay } from './relay-client.ts';
import { launcher, Taciturn, taciturn } from './taciturn.ts';

/** A configuration of its own, and the daemons that a test starts with it. */
class Setup {
  readonly directory = mkdtempSync(join(tmpdir(), 'taciturn-life-'));
  readonly dataDir = join(this.directory, 'data');
  readonly file = join(this.directory, 'taciturn.yaml');
  readonly #programs: RunningProgram[] = [];

  configure(yaml: string): this {
    writeFileSync(this.file, yaml);
    return this;
  }

  /** `taciturn serve` as on a fresh machine, but on free ports of loopback. */
  configureLoopback(port = 0): this {
    return this.configure(
      `dataDir: ${this.dataDir}\nlisten: { addresses: [127.0.0.1], port: ${port} }\nhttp: { port: 0 }\n`,
    );
  }

  serve(...args: readonly string[]): RunningProgram {
    const program = new RunningProgram(process.execPath, [launcher, 'serve', '--config', this.file, ...args]);
    this.#programs.push(program);
    return program;
  }

  async serveUntilReady(): Promise<RunningProgram> {
    const program = this.serve();
    await program.waitFor(/"event":"started"/);
    return program;
  }

  async remove(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.stop()));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** What the start shows to a person. */
function shown({ stderr }: RunningProgram): { key: string | undefined; http: string; port: number } {
  return {
    key: /Your API key .*\n\s+(\S+)/.exec(stderr)?.[1],
    http: /^\s+HTTP\s+(\S+)$/m.exec(stderr)![1]!,
    port: Number(/^\s+listening\s+UDP and TCP 127\.0\.0\.1:(\d+)$/m.exec(stderr)![1]),
  };
}

function issueOverHttp(http: string, key: string): Promise<Response> {
  return fetch(`${http}/v1/credentials`, { method: 'POST', headers: { authorization: `Bearer ${key}` } });
}

/** That a credential gives a relay. */
async function proves(port: number, username: string, password: string): Promise<void> {
  const [client, allocation] = await allocate(port, { username, password });
  await allocation.close();
  client.close();
}

let setup: Setup;
beforeEach(() => {
  setup = new Setup();
});
afterEach(() => setup.remove());

describe('the first start', () => {
  it('makes a secret and a key for their owner alone, and shows the key once', async () => {
    setup.configureLoopback();
    const first = await setup.serveUntilReady();
    const { key, http, port } = shown(first);
    const files = ['shared-secret', 'taciturn.db'].map((name) => join(setup.dataDir, name));
    expect(files.map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o600]);
    expect(statSync(setup.dataDir).mode & 0o777).toBe(0o700);

    const overHttp = await issueOverHttp(http, key!);
    expect(overHttp.status).toBe(201);
    const { username, credential } = (await overHttp.json()) as Record<string, string>;
    await proves(port, username!, credential!);
    const offline = await taciturn(['credentials', 'issue', '--user', 'bob', '--json', '--config', setup.file]);
    const issued = JSON.parse(offline.stdout) as Record<string, string>;
    await proves(port, issued.username!, issued.credential!);

    const { commandLine } = DaemonProcess.find(setup.directory);
    void first.stop('SIGTERM');
    expect(await first.exited).toBe(0);

    const second = await setup.serveUntilReady();
    expect(shown(second).key).toBeUndefined();
    expect((await issueOverHttp(shown(second).http, key!)).status).toBe(201);

    // The key is on its own line and in the command to paste; secrets and credentials are nowhere.
    const secret = readFileSync(files[0]!, 'utf8').trim();
    const everything = [first.stdout, first.stderr, second.stdout, second.stderr, commandLine].join('\n');
    const withKey = everything.split('\n').filter((line) => line.includes(key!));
    expect(withKey.map((line) => line.trim())).toEqual([key, expect.stringMatching(/^curl /)]);
    const data = readdirSync(setup.dataDir).map((name) => readFileSync(join(setup.dataDir, name), 'latin1'));
    expect(data.join('\n')).not.toContain(key!.split('.')[1]);
    for (const kept of [secret, credential!, issued.credential!]) expect(everything).not.toContain(kept);
  });

  it('that fails does not use up the one time at which the key is shown', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    setup.configureLoopback(port);
    const failed = setup.serve();
    expect(await failed.exited).toBe(1);
    expect(failed.stderr).toContain(`Cannot listen on UDP 127.0.0.1:${port}: another program has that port.`);
    expect(failed.stderr).toContain('listen.port');
    socket.close();
    await once(socket, 'close');

    expect(shown(await setup.serveUntilReady()).key).toMatch(/^\S+\.\S+$/);
  });

  it('says which HTTP port is taken and what to do', async () => {
    setup.configureLoopback();
    const { http } = shown(await setup.serveUntilReady());
    const failed = setup.serve('--http-port', new URL(http).port);
    expect(await failed.exited).toBe(1);
    expect(failed.stderr).toMatch(/HTTP service cannot listen on 127\.0\.0\.1:\d+ .*http\.port/);
  });
});

describe('a wrong configuration', () => {
  it.each([
    ['realm: x\nrelay:\n  prots: 3\n', 3, 'relay.prots'],
    ['relay:\n  ports: 5-1\n', 2, 'relay.ports'],
    ['relay:\n  peers:\n    allow:\n      - 10.0.0.1/8\n', 4, 'relay.peers.allow[0]'],
    ['authentication:\n  sharedSecrets: [short]\n', 2, 'authentication.sharedSecrets[0]'],
    ['authentication:\n  sharedSecretsFile: /nowhere/secret\n', 2, 'authentication.sharedSecretsFile'],
  ])('stops the start with 78 and says where: %j', async (yaml, line, key) => {
    const program = setup.configure(yaml).serve();
    expect(await program.exited).toBe(78);
    const { file } = setup;
    const [, where] = program.stderr.split('\n');
    expect(where!.trim().startsWith(`${file}:${line}:`)).toBe(true);
    expect(where).toContain(` ${key}: `);
    expect(program.stdout).toBe('');
  });
});

describe('shutdown', () => {
  let daemon: Taciturn;
  afterEach(() => daemon?.stop());

  // Clients over TCP are always of the main thread, those over UDP are of a worker where there are workers.
  it.each(['udp', 'tcp'] as const)(
    'takes no new allocations, relays on, and ends with 0 when the last one is given back, over %s',
    async (kind) => {
      daemon = await Taciturn.start('shutdown: { deadline: 10m }');
      const [one, a] = await allocate(daemon.port, alice, { kind });
      const [other, b] = await allocate(daemon.port, alice, { kind });
      expect((await daemon.fetch('/readyz')).status).toBe(200);

      void daemon.program.stop('SIGTERM');
      await daemon.program.waitFor(/"event":"draining"/);
      const readiness = await daemon.fetch('/readyz');
      expect(readiness.status).toBe(503);
      expect(await readiness.json()).toMatchObject({ error: { message: 'draining' } });
      expect((await daemon.fetch('/healthz')).status).toBe(200);
      const late = await connect(daemon.port, alice, { kind });
      expect(await late.allocate()).toMatchObject({ ok: false, error: { code: 508 } });
      await relay(a, b, 'while draining');
      expect((await a.refresh()).ok).toBe(true);

      await a.close();
      await relay(b, b, 'still there');
      await b.close();
      expect(await daemon.program.exited).toBe(0);
      for (const client of [one, other, late]) client.close();
    },
  );

  it('ends with 0 at the deadline, allocations or not', async () => {
    daemon = await Taciturn.start('shutdown: { deadline: 1s }');
    const [client] = await allocate(daemon.port);
    void daemon.program.stop('SIGTERM');
    expect(await daemon.program.exited).toBe(0);
    expect(daemon.log).toContainEqual(expect.objectContaining({ event: 'allocation-ended', reason: 'shutdown' }));
    client.close();
  });

  it('ends at once, with 0, at a second signal', async () => {
    daemon = await Taciturn.start('shutdown: { deadline: 10m }');
    const [client] = await allocate(daemon.port);
    void daemon.program.stop('SIGTERM');
    await daemon.program.waitFor(/"event":"draining"/);
    void daemon.program.stop('SIGTERM');
    expect(await daemon.program.exited).toBe(0);
    expect(daemon.log).toContainEqual(expect.objectContaining({ event: 'stopping' }));
    client.close();
  });
});
