import { describe, expect, it } from 'vitest';
import { configured } from '../../../test/cli/configured.ts';
import { address } from '../../../test/client/scripted-socket.ts';
import { VirtualClock } from '../../../test/client/virtual-clock.ts';
import { failure, success } from '../../client/result.ts';
import type { TcpConnection } from '../../client/tcp-connection.ts';
import type { TransportErrorKind } from '../../client/transport-error.ts';
import { type ReceiverDependencies, receiverFindings } from './receivers.ts';

const { ip } = address('192.0.2.1', 1);
const secret = 'a secret of the receivers';

function judge(environment: Record<string, string>, dependencies: Partial<ReceiverDependencies> = {}) {
  const clock = new VirtualClock();
  const configuration = configured({
    TACITURN_WEBHOOKS__SECRET: secret,
    TACITURN_ADMISSION__SECRET: secret,
    ...environment,
  });
  const resolveHost = async () => success([ip]);
  return clock.until(receiverFindings(configuration, { clock, resolveHost, connectTcp: connect(), ...dependencies }));
}

/** Connects, or fails as it is told. */
function connect(kind?: TransportErrorKind, asked: string[] = []): ReceiverDependencies['connectTcp'] {
  return async (server) => {
    asked.push(`${server.ip.text}:${server.port}`);
    if (kind !== undefined) return failure({ kind, code: 'ETEST', message: '' });
    return success({ close() {} } as TcpConnection);
  };
}

const hook = { TACITURN_WEBHOOKS__URLS: 'https://hooks.example.org/T0KEN' };
const desk = { TACITURN_ADMISSION__URL: 'http://desk.example.org:8000/ask' };

describe('webhooks and the admission service', () => {
  it('are connected to and not asked, and paths are not shown', async () => {
    const asked: string[] = [];
    const found = await judge({ ...hook, ...desk }, { connectTcp: connect(undefined, asked) });
    expect(asked).toEqual(['192.0.2.1:443', '192.0.2.1:8000']);
    expect(found.map(({ about, level, sentence }) => [about, level, sentence])).toEqual([
      ['webhooks', 'ok', 'https://hooks.example.org takes connections.'],
      ['admission', 'ok', 'http://desk.example.org:8000 takes connections.'],
    ]);
    expect(JSON.stringify(found)).not.toContain('T0KEN');
  });

  it('are nothing where none are configured', async () => {
    expect(await judge({})).toEqual([]);
  });

  it('matter as much as what follows from their absence', async () => {
    const connectTcp = connect('refused');
    expect(await judge(hook, { connectTcp })).toMatchObject([{ code: 'receiver_unreachable', level: 'warning' }]);
    expect(await judge(desk, { connectTcp })).toMatchObject([{ code: 'receiver_unreachable', level: 'problem' }]);
    const lenient = { ...desk, TACITURN_ADMISSION__WHEN_UNAVAILABLE: 'allow' };
    expect(await judge(lenient, { connectTcp })).toMatchObject([{ code: 'receiver_unreachable', level: 'warning' }]);
  });

  it.each([
    [{ resolveHost: async () => failure({ code: 'ENOTFOUND' }) }, 'receiver_unreachable'],
    [{ resolveHost: async () => failure({ code: 'EAI_AGAIN' }) }, 'receiver_unknown'],
    [{ resolveHost: () => new Promise<never>(() => {}) }, 'receiver_unknown'],
    [{ connectTcp: connect('timed-out') }, 'receiver_unreachable'],
    [{ connectTcp: connect('other') }, 'receiver_unknown'],
  ] satisfies [Partial<ReceiverDependencies>, string][])(
    'say what could not be told: %#',
    async (dependencies, code) => {
      expect(await judge(hook, dependencies)).toMatchObject([{ code, fix: expect.stringMatching(/^[A-Z]/) }]);
    },
  );

  it('are tried at their next address', async () => {
    const resolveHost = async () => success([ip, address('192.0.2.2', 1).ip]);
    const connectTcp: ReceiverDependencies['connectTcp'] = (server) =>
      connect(server.ip.text === '192.0.2.2' ? undefined : 'unreachable')(server);
    expect(await judge(hook, { resolveHost, connectTcp })).toMatchObject([{ level: 'ok' }]);
  });
});
