import { beforeEach, describe, expect, it } from 'vitest';
import { configured } from '../../../test/cli/configured.ts';
import { address, answerTo, ScriptedSocket } from '../../../test/client/scripted-socket.ts';
import { credentials, mappedAddress } from '../../../test/client/scripted-turn-server.ts';
import { VirtualClock } from '../../../test/client/virtual-clock.ts';
import { failure, success } from '../../client/result.ts';
import { writeXorAddress } from '../../stun/attributes/address.ts';
import { Attribute, MessageClass, Method } from '../../stun/protocol.ts';
import { type DoctorDependencies, examine } from './examine.ts';
import type { DoctorReport, Finding } from './finding.ts';
import type { HttpService, RunningService } from './http-service.ts';

const server = address('127.0.0.1', 3478);
const url = 'http://127.0.0.1:8080';
const service: RunningService = {
  state: 'answers',
  url,
  plane: { name: 'batch', why: 'as configured', workers: 2 },
  metrics: new Map(),
};

let clock: VirtualClock;
let dependencies: DoctorDependencies;

/** A STUN server, and no TURN server. */
function stunSocket(): ScriptedSocket {
  const socket = new ScriptedSocket(clock, server);
  socket.script = (request) =>
    request.method === Method.binding
      ? [
          answerTo(request, MessageClass.success, (writer) =>
            writeXorAddress(writer, Attribute.xorMappedAddress, mappedAddress),
          ),
        ]
      : [];
  return socket;
}

beforeEach(() => {
  clock = new VirtualClock();
  dependencies = {
    clock,
    unixNow: () => 1_800_000_000,
    openUdp: async () => success(stunSocket()),
    connectTcp: async () => failure({ kind: 'refused', code: 'ECONNREFUSED', message: '' }),
    readFile: () => '',
    isOpenToOthers: () => false,
    ownerBesideRoot: () => undefined,
    freeBytes: () => 1e12,
    whyUnwritable: () => undefined,
    machineLimits: () => ({ openFiles: 524_288, receiveBufferBytes: 212_992, administersNetwork: false }),
    lookAtStore: async () => ({ state: 'there', keys: 2, users: 0 }),
    resolveHost: async () => success([server.ip]),
    askStun: async () => 'nobody is there to be asked',
    httpService: async () => service,
    choosePlane: () => ({ plane: 'dgram', why: 'this is no Linux' }),
    credential: async () => ({ ...credentials, source: 'shared-secret' }),
    onStep: () => {},
  };
});

function run(overrides: Partial<DoctorDependencies> = {}, environment?: Record<string, string>): Promise<DoctorReport> {
  const configuration = configured({ TACITURN_LISTEN__ADDRESSES: '127.0.0.1', ...environment });
  const examined = { configuration, file: undefined };
  return clock.until(examine(examined, { ...dependencies, ...overrides }));
}

const find = ({ findings }: DoctorReport, code: string): Finding | undefined =>
  findings.find((finding) => finding.code === code);

describe('the examination', () => {
  it('tells listeners that answer from those that do not', async () => {
    const report = await run();
    expect(report.healthy).toBe(false);
    expect(find(report, 'listener_answers')?.sentence).toBe('127.0.0.1:3478 answers over UDP.');
    expect(find(report, 'listener_silent')?.sentence).toBe(
      '127.0.0.1:3478 does not answer over TCP: refused (ECONNREFUSED).',
    );
  });

  it('does not blame a listener that takes PROXY headers only', async () => {
    const report = await run({}, { TACITURN_PROXY_PROTOCOL__TRUST: '127.0.0.0/8' });
    expect(find(report, 'listener_silent')).toBeUndefined();
    expect(find(report, 'listener_behind_proxy')?.level).toBe('not-tested');
  });

  it('names the step at which a relay loop fails', async () => {
    const report = await run();
    expect(find(report, 'no_answer')).toMatchObject({
      about: 'relay',
      level: 'problem',
      sentence: expect.stringContaining('fails at the step "challenge"'),
    });
  });

  it('does not count a missing credential against the server', async () => {
    const report = await run({ credential: async () => 'There is no shared secret.' });
    expect(find(report, 'relay_untested')).toMatchObject({ level: 'not-tested' });
  });

  it.each<[HttpService, string, string]>([
    [{ state: 'unreachable', url, code: 'no_server' }, 'server_unconfirmed', 'not-tested'],
    [{ state: 'foreign', url, status: 404 }, 'server_unconfirmed', 'not-tested'],
    [{ ...service, notReady: 'draining' }, 'server_not_ready', 'warning'],
    [{ state: 'off' }, 'server_runs', 'ok'],
    [service, 'server_runs', 'ok'],
  ])('begins with the server itself: %j', async (found, code, level) => {
    const { findings } = await run({ httpService: async () => found });
    expect(findings[0]).toMatchObject({ about: 'server', code, level });
  });

  it('tells a server that listens nowhere from one that does not run', async () => {
    const openUdp = async () => failure({ kind: 'unreachable', code: 'ENETUNREACH', message: '' } as const);
    expect((await run({ openUdp })).findings[0]).toMatchObject({ code: 'server_not_listening', level: 'problem' });
  });

  it('says which data plane is active and why', async () => {
    expect(find(await run(), 'data_plane')).toMatchObject({
      about: 'data-plane',
      level: 'ok',
      sentence: 'Packets are moved by the data plane batch on 2 threads: as configured.',
      facts: { name: 'batch', why: 'as configured', workers: 2 },
    });
  });

  it('finds a server that runs with another data plane than the configured one', async () => {
    const report = await run({}, { TACITURN_RELAY__PLANE: 'dgram' });
    expect(find(report, 'data_plane_differs')).toMatchObject({ level: 'warning' });
    expect(find(report, 'data_plane')).toBeUndefined();
  });

  it('says which data plane would be chosen where no server can be asked', async () => {
    const report = await run({ httpService: async () => ({ state: 'off' }) });
    expect(find(report, 'data_plane_unknown')).toMatchObject({
      level: 'not-tested',
      sentence: expect.stringContaining('One that starts now takes dgram: this is no Linux.'),
    });
    const error = 'relay.plane is batch, which cannot be had here: this is no Linux.';
    const impossible = await run({ httpService: async () => ({ state: 'off' }), choosePlane: () => ({ error }) });
    expect(find(impossible, 'data_plane_missing')).toMatchObject({ level: 'problem', fix: expect.any(String) });
  });

  it('looks at everything else when nothing runs', async () => {
    const openUdp = async () => failure({ kind: 'unreachable', code: 'ENETUNREACH', message: '' } as const);
    const httpService = async () => ({ state: 'unreachable', url, code: 'no_server' }) as const;
    const report = await run({ openUdp, httpService, isOpenToOthers: () => true });
    expect(report.findings[0]).toMatchObject({ code: 'server_not_running' });
    expect(find(report, 'listener_silent')).toBeUndefined();
    expect(find(report, 'http_unreachable')).toBeUndefined();
    expect(find(report, 'data_directory_open')).toBeDefined();
    expect(find(report, 'no_certificate')).toMatchObject({ level: 'warning' });
  });

  it('says that it was not tested when ports are free to choose', async () => {
    const { findings } = await run({}, { TACITURN_LISTEN__PORT: '0' });
    expect(findings[0]).toMatchObject({ code: 'server_unknown', level: 'not-tested' });
  });

  it.each<[Partial<DoctorDependencies>, string, Finding['level']]>([
    [{ freeBytes: () => 20e6 }, 'disk_full', 'problem'],
    [{ freeBytes: () => 200e6 }, 'disk_low', 'warning'],
    [{ ownerBesideRoot: () => 998 }, 'looked_at_by_root', 'not-tested'],
    [{ unixNow: () => 3600 }, 'clock_wrong', 'problem'],
    [{ whyUnwritable: () => 'EROFS' }, 'audit_unwritable', 'problem'],
    [{ lookAtStore: async () => ({ state: 'closed' }) }, 'store_closed', 'not-tested'],
  ])('looks at the machine as well: %#', async (found, code, level) => {
    expect(find(await run(found), code)).toMatchObject({ level, fix: expect.any(String) });
  });

  it('has a fix for everything that is not well', async () => {
    const { findings } = await run();
    for (const { level, sentence, fix } of findings) {
      expect(sentence).toMatch(/^\S.*\.$/);
      if (level !== 'ok') expect(fix).toMatch(/^[A-Z].*\S$/);
    }
  });
});
