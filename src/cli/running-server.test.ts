import { afterEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../test/cli/command-run.ts';
import { type FakeAnswer, type FakeRequest, FakeService, failure } from '../../test/cli/fake-service.ts';

let service: FakeService | undefined;
afterEach(() => service?.stop());

async function command(line: readonly string[], answer: (request: FakeRequest) => FakeAnswer | undefined) {
  service = await FakeService.start(answer);
  const env = { TACITURN_API_KEY: 'operator.kZ8mQ2xT7vLp4NwRc1Ye', NO_COLOR: '1' };
  return { ...(await runCommand([...line, '--url', service.url], { env })), service };
}

const status = {
  version: '0.1.0',
  pid: 4711,
  startedAt: new Date(Date.now() - 90_000).toISOString(),
  state: 'serving',
  plane: { name: 'batch', why: 'recvmmsg and sendmmsg can be had', workers: 2 },
  urls: ['stun:turn.example.org:3478', 'turn:turn.example.org:3478?transport=udp'],
  allocations: 3,
  users: 1,
  relayed: { packets: 1_234_567, bytes: 1_200_000_000 },
  store: { kind: 'sqlite', available: true },
};

describe('taciturn status', () => {
  it('shows what the server is doing', async () => {
    const { code, stdout, stderr } = await command(['status'], () => ({ status: 200, body: status }));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^The server takes new allocations\.\n\nversion +0\.1\.0, process 4711\n/);
    expect(stdout).toMatch(/sessions +3 allocations of one user\nrelayed +1\.2 GB in 1,234,567 packets/);
    expect(stdout).toMatch(/data plane +batch, 2 threads\n +recvmmsg/);
    expect(stdout).toMatch(/store +SQLite\nurls +stun:turn\.example\.org:3478\n +turn:/);
  });

  it('says that the server drains, and that its store is away', async () => {
    const body = { ...status, state: 'draining', store: { kind: 'redis', available: false } };
    const { stdout } = await command(['status'], () => ({ status: 200, body }));
    expect(stdout).toMatch(/^The server drains/);
    expect(stdout).toMatch(/store +Redis, not available/);
  });

  it('is JSON for a program', async () => {
    const { stdout } = await command(['status', '--json'], () => ({ status: 200, body: status }));
    expect(JSON.parse(stdout)).toEqual({ schema: 1, ...status });
  });
});

describe('taciturn drain', () => {
  /** A server at which so many allocations are left each time that it is asked. */
  const draining = (left: number[]) => (request: FakeRequest) => {
    if (request.method === 'POST') return { status: 202, body: { status: 'draining' } };
    return {
      status: 200,
      body: { ...status, state: 'draining', allocations: left.length > 1 ? left.shift() : left[0] },
    };
  };

  it('says that the server takes no new allocations', async () => {
    const { code, stdout, service } = await command(['drain'], draining([1]));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^The server takes no new allocations/);
    expect(service.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /v1/drain']);
  });

  it('waits until no allocation is left', async () => {
    const { code, stdout, service } = await command(['drain', '--wait', '--json'], draining([2, 1, 0]));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ schema: 1, status: 'drained', allocations: 0 });
    expect(service.requests).toHaveLength(4);
  });

  it('ends with 1 when some are left after the time', async () => {
    const { code, stdout } = await command(['drain', '--wait', '--timeout', '50ms', '--json'], draining([2]));
    expect(code).toBe(1);
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'not_drained', message: expect.stringMatching(/^2 alloc/) });
  });

  it('is done when the server ends meanwhile', async () => {
    let asked = 0;
    const { code, stdout } = await command(['drain', '--wait'], (request) => {
      if (++asked === 2) void service!.stop();
      return draining([1])(request);
    });
    service = undefined;
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'The server has ended.\n' });
  });

  it('takes no other time than a duration', async () => {
    expect(await command(['drain', '--timeout', 'soon'], () => undefined)).toMatchObject({ code: 64 });
  });
});

describe('taciturn reload', () => {
  it('shows what is in use now and what waits for a restart', async () => {
    const { code, stdout, stderr } = await command(['reload'], ({ method, path }) =>
      method === 'POST' && path === '/v1/reload'
        ? {
            status: 200,
            body: {
              applied: ['log.level', 'limits.allocations'],
              waiting: ['listen.port'],
              certificate: { status: 'reloaded', expiresAt: '2030-01-01T00:00:00.000Z' },
            },
          }
        : undefined,
    );
    expect(code).toBe(0);
    expect(stdout).toBe(
      'in use now           log.level\n' +
        '                     limits.allocations\n' +
        'with the next start  listen.port\n' +
        'certificate          the new one is in use, valid until 2030-01-01T00:00:00.000Z\n',
    );
    expect(stderr).toMatch(/some changes need a restart/);
  });

  it('says that nothing has changed', async () => {
    const { code, stdout, stderr } = await command(['reload'], () => ({
      status: 200,
      body: { applied: [], waiting: [] },
    }));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe('in use now  no key of the configuration has changed what is in use\n');
  });

  const problem = 'taciturn.yaml:3:1: listen.port: found "x"; allowed: a whole number.';
  const refused = failure(422, 'reload_refused', `Nothing was changed: ${problem}`, { problems: [problem] });

  it('ends with 78 and the problems when the file has some', async () => {
    const { code, stdout, stderr } = await command(['reload'], () => refused);
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toBe(`error: Nothing was changed.\n  ${problem}\n`);
  });

  it('ends with 78 when the certificate is refused', async () => {
    const message = 'The certificate from before stays in use, because it does not fit its key.';
    const { code, stderr } = await command(['reload'], () =>
      failure(422, 'reload_refused', message, { problems: [message] }),
    );
    expect({ code, stderr }).toEqual({ code: 78, stderr: `error: ${message}\n` });
  });

  it('gives the problems as JSON', async () => {
    const { stdout } = await command(['reload', '--json'], () => refused);
    expect(JSON.parse(stdout)).toEqual({
      schema: 1,
      error: { code: 'reload_refused', message: 'Nothing was changed.', problems: [{ text: problem }] },
    });
  });
});

describe('the commands for a running server', () => {
  it.each(['status', 'drain', 'reload'])('have help with an example: %s', async (name) => {
    expect(await runCommand([name, '--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/Examples:\n {2}\$ taciturn /),
    });
  });
});
