import { afterEach, describe, expect, it } from 'vitest';
import { type CommandOptions, runCommand } from '../../test/cli/command-run.ts';
import { type FakeAnswer, type FakeRequest, FakeService, failure } from '../../test/cli/fake-service.ts';

const key = 'operator.kZ8mQ2xT7vLp4NwRc1Ye';
let service: FakeService | undefined;
afterEach(() => service?.stop());

/** Runs a command against a service that answers so. */
async function sessions(
  line: readonly string[],
  answer: (request: FakeRequest) => FakeAnswer | undefined,
  options: CommandOptions = {},
) {
  service = await FakeService.start(answer);
  const env = { TACITURN_API_KEY: key, NO_COLOR: '1' };
  return { ...(await runCommand(['sessions', ...line, '--url', service.url], { ...options, env })), service };
}

function session(id: string, more: object = {}) {
  return {
    id,
    user: 'alice',
    label: 'room-7',
    client: '198.51.100.20:54321',
    transport: 'udp',
    relayed: ['203.0.113.5:50000'],
    createdAt: new Date(Date.now() - 3_700_000).toISOString(),
    expiresAt: '2030-01-01T00:00:00.000Z',
    permissions: 2,
    channels: 1,
    fromClient: { packets: 1200, bytes: 1_250_000 },
    toClient: { packets: 3, bytes: 450 },
    server: 0,
    ...more,
  };
}

const ids = ['00000000000000a1', '00000000000000b2', '00000000000000c3'] as const;

describe('taciturn sessions list', () => {
  it('shows who relays what, within 80 columns', async () => {
    const answer = () => ({
      status: 200,
      body: {
        sessions: [
          session(ids[0]),
          session(ids[1], {
            user: 'somebody-with-a-long-name@example.org',
            client: '[2001:db8:1234:5678::9abc]:54321',
          }),
          session(ids[2], { label: undefined, user: 'evil\x1b[2J' }),
        ],
      },
    });
    const { code, stdout, stderr } = await sessions(['list'], answer, { terminal: 80 });
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(lines[0]).toMatch(/^ID +USER +LABEL +CLIENT +OVER +UP +DOWN +AGE$/);
    expect(lines[1]).toMatch(/^00000000000000a1 {2}alice +room-7 .* udp +1\.3 MB +450 B +1h 1m$/);
    expect(stdout).not.toContain('\x1b[2J');
    expect(stderr).toContain('3 sessions, 3.8 MB up, 1.4 kB down\n');
  });

  it('reads all pages, of the user and label that are asked for', async () => {
    const pages = new Map<string | null, object>([
      [null, { sessions: [session(ids[0])], next: ids[0] }],
      [ids[0], { sessions: [session(ids[1])], next: ids[1] }],
      [ids[1], { sessions: [session(ids[2])] }],
    ]);
    const line = ['list', '--json', '--user', 'a&b', '--label', 'room 7'];
    const { stdout, service } = await sessions(line, ({ query }) => ({
      status: 200,
      body: pages.get(query.get('cursor')),
    }));
    const document = JSON.parse(stdout);
    expect(document.schema).toBe(1);
    expect(document.sessions.map(({ id }: { id: string }) => id)).toEqual(ids);
    expect(service.requests).toHaveLength(3);
    for (const { method, path, query, authorization } of service.requests) {
      expect({ method, path, authorization }).toEqual({
        method: 'GET',
        path: '/v1/sessions',
        authorization: `Bearer ${key}`,
      });
      expect([query.get('user'), query.get('label')]).toEqual(['a&b', 'room 7']);
    }
  });

  it('says that there is none', async () => {
    expect(await sessions(['list'], () => ({ status: 200, body: { sessions: [] } }))).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'no session\n',
    });
  });
});

describe('taciturn sessions show', () => {
  it('shows one session', async () => {
    const { code, stdout } = await sessions(['show', ids[0]], ({ path }) =>
      path === `/v1/sessions/${ids[0]}` ? { status: 200, body: session(ids[0]) } : undefined,
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^id +00000000000000a1\nuser +alice\nlabel +room-7\nclient +198\.51\.100\.20:54321 over UDP\n/,
    );
    expect(stdout).toContain('1.3 MB in 1,200 packets from the client to peers\n');
    expect(Math.max(...stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  it('says that there is none of this id, which is never taken for a path', async () => {
    const { code, stderr, service } = await sessions(['show', '../keys'], () => undefined);
    expect(code).toBe(1);
    expect(stderr).toMatch(/no live session "\.\.\/keys"/);
    expect(service.requests[0]!.path).toBe('/v1/sessions/..%2Fkeys');
  });
});

describe('taciturn sessions kill', () => {
  const remove = ({ method, path }: FakeRequest): FakeAnswer | undefined =>
    method === 'DELETE' && !path.endsWith(ids[2]) ? { status: 204 } : undefined;

  it('ends the sessions that are named', async () => {
    const { service, ...result } = await sessions(['kill', ids[0], ids[1], ids[0]], remove);
    expect(result).toEqual({ code: 0, stdout: 'Ended: 2 sessions.\n', stderr: '' });
    expect(service.requests.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      `DELETE /v1/sessions/${ids[0]}`,
      `DELETE /v1/sessions/${ids[1]}`,
    ]);
  });

  it('ends with 1 when there is no session of some id, and still ends the others', async () => {
    const { code, stdout, stderr } = await sessions(['kill', ids[0], ids[2]], remove);
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'Ended: one session.\n' });
    expect(stderr).toBe(`There is no live session "${ids[2]}".\n`);
  });

  it('ends all sessions of a user; one that has just ended by itself is none to complain about', async () => {
    const { code, stdout, service } = await sessions(['kill', '--user', 'alice', '--json'], (request) =>
      request.method === 'GET' ? { status: 200, body: { sessions: ids.map((id) => session(id)) } } : remove(request),
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ schema: 1, ended: [ids[0], ids[1]], unknown: [] });
    expect(service.requests[0]!.query.get('user')).toBe('alice');
  });

  it('stops at a key that may not', async () => {
    const refused = failure(403, 'insufficient_scope', 'The API key does not have the scope admin.');
    const { code, stderr } = await sessions(['kill', ids[0]], () => refused);
    expect(code).toBe(1);
    expect(stderr).toMatch(/does not have the scope admin\. Make a key that has it: taciturn keys create/);
  });

  it.each([[['kill']], [['kill', ids[0], '--user', 'alice']]])('refuses %j', async (line) => {
    const { code, service } = await sessions(line, remove);
    expect(code).toBe(64);
    expect(service.requests).toEqual([]);
  });
});

describe('the commands for sessions', () => {
  it.each([[['list']], [['show']], [['kill']]])('have help with an example: %j', async (line) => {
    expect(await runCommand(['sessions', ...line, '--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/Examples:\n {2}\$ taciturn sessions /),
    });
  });
});
