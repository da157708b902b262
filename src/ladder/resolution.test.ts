import { describe, expect, it } from 'vitest';
import { problemOf, rungOf, ScriptedLadder, warningsOf } from '../../test/client/scripted-ladder.ts';
import { address } from '../../test/client/scripted-socket.ts';
import { serverAddress } from '../../test/client/scripted-turn-server.ts';
import { failure, success } from '../client/result.ts';
import type { ServerEndpoint } from '../client/server-resolution.ts';

function endpoint(ip: string, port: number, via: ServerEndpoint['via']): ServerEndpoint {
  const host = 'turn.example.org';
  return { transport: 'udp', address: address(ip, port), via, host, serverName: host };
}

describe('a name', () => {
  it.each([
    ['ENOTFOUND', 'name_not_found', /does not resolve/],
    ['ENODATA', 'name_without_address', /exists but has no address/],
    ['EAI_AGAIN', 'dns_unavailable', /No DNS server answered/],
    ['ETIMEOUT', 'dns_unavailable', /No DNS server answered/],
    ['ESERVFAIL', 'dns_failed', /DNSSEC/],
  ])('that gives %s', async (code, problem, says) => {
    const report = await new ScriptedLadder().climb({}, { resolveHost: async () => failure({ code }) });
    expect(report.rungs).toMatchObject([{ name: 'resolve', passed: false, problem: { code: problem } }]);
    expect(problemOf(report)!.cause).toMatch(says);
  });

  it('of the local network', async () => {
    const resolveHost = async () => failure({ code: 'ENOTFOUND' });
    const report = await new ScriptedLadder().climb({ host: 'turn.local' }, { resolveHost });
    expect(problemOf(report)!.fix).toMatch(/only in the local network/);
  });
});

describe('SRV and NAPTR records', () => {
  it('that lead where the address does are no news', async () => {
    const resolveServer = async () => success([endpoint(serverAddress.ip.text, serverAddress.port, 'srv')]);
    const report = await new ScriptedLadder().climb({}, { resolveServer });
    expect(report.passed).toBe(true);
    expect(warningsOf(report)).toEqual([]);
  });

  it('that lead elsewhere are noted, and not followed', async () => {
    const ladder = new ScriptedLadder();
    const resolveServer = async () => success([endpoint('192.0.2.50', 4000, 'srv')]);
    const report = await ladder.climb({}, { resolveServer });
    expect(warningsOf(report)).toEqual([['resolve', 'srv_elsewhere']]);
    expect(rungOf(report, 'resolve').warnings[0]!.cause).toContain(
      'lead to 192.0.2.50:4000, but browsers do not read them: they go to 192.0.2.1:3478',
    );
    expect(new Set(ladder.opened)).toEqual(new Set(['192.0.2.1:3478']));
  });

  it('are followed when there is nothing else, with a note', async () => {
    const ladder = new ScriptedLadder();
    const resolveHost = async () => failure({ code: 'ENODATA' });
    const resolveServer = async () => success([endpoint(serverAddress.ip.text, serverAddress.port, 'naptr')]);
    const report = await ladder.climb({}, { resolveHost, resolveServer });
    expect(report.passed).toBe(true);
    expect(warningsOf(report)).toEqual([['resolve', 'srv_only']]);
  });

  it('that cannot be asked for change nothing', async () => {
    const resolveServer = async () => failure({ code: 'ETIMEOUT' });
    expect(warningsOf(await new ScriptedLadder().climb({}, { resolveServer }))).toEqual([]);
  });
});
