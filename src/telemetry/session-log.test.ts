import { describe, expect, it } from 'vitest';
import { Scenario } from '../../test/virtual-network/scenario.ts';
import { address } from '../../test/virtual-network/virtual-network.ts';
import { formatTransportAddress } from '../stun/ip-address.ts';
import { ErrorCode, Method } from '../stun/protocol.ts';
import { instant } from '../turn/time.ts';
import type { AddressDetail } from './address-display.ts';
import { describeEvent, type EventRecord } from './event-record.ts';
import type { Log } from './log.ts';
import { SessionLog } from './session-log.ts';

interface Line {
  readonly level: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** What the log says of these events, which come from another thread. */
function lines(records: readonly EventRecord[], detail: AddressDetail = 'full'): Line[] {
  const written: Line[] = [];
  const at = (level: string) => (facts: object, message: string) => {
    written.push({ level, facts: { ...facts }, message });
  };
  const log: Log = {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    setLevel: () => {},
  };
  const sessions = new SessionLog(log, detail, instant(0));
  for (const record of records) sessions.write(structuredClone(record), instant(0));
  return written;
}

/** An allocation that relays four bytes and is given back after three seconds. */
function session(): { records: EventRecord[]; id: string; client: string; relayed: string } {
  const scenario = new Scenario();
  scenario.users.add('1:alice#room-7', 'secret', { user: 'alice', label: 'room-7' });
  const { client, relayed } = scenario.allocated({ username: '1:alice#room-7' });
  const [allocation] = scenario.server.allocations;
  client.channelBind(0x4000, scenario.peer('20.0.0.1:9').at);
  client.sendOn(0x4000, 'four');
  scenario.schedule.advance(3000);
  client.refresh(0);
  return {
    records: scenario.host.events.map(describeEvent),
    id: allocation!.id,
    client: formatTransportAddress(client.at),
    relayed: formatTransportAddress(relayed),
  };
}

/** A permission that the peer policy refuses. */
function refusal(): EventRecord[] {
  const scenario = new Scenario();
  const { client } = scenario.allocated();
  client.createPermission(address('10.0.0.1:9'));
  return scenario.host.events.slice(1).map(describeEvent);
}

describe('the log of sessions', () => {
  it('says who allocated what, for how long, how much passed and why it ended', () => {
    const { records, id, client, relayed } = session();
    const whose = { allocation: id, user: 'alice', label: 'room-7', client, transport: 'udp' };
    expect(lines(records)).toEqual([
      {
        level: 'info',
        facts: { event: 'allocation-created', ...whose, relayed: [relayed], lifetimeSeconds: 600 },
        message: `allocated ${relayed}`,
      },
      {
        level: 'info',
        facts: {
          event: 'allocation-ended',
          ...whose,
          reason: 'refreshed-to-zero',
          seconds: 3,
          fromClient: { packets: 1, bytes: 4 },
          toClient: { packets: 0, bytes: 0 },
        },
        message: 'allocation ended after 3 s: refreshed-to-zero',
      },
    ]);
  });

  it('says why a request was refused, and whom it was about', () => {
    const [line] = lines(refusal());
    expect(line).toMatchObject({
      level: 'warn',
      facts: {
        event: 'request-refused',
        method: 'createPermission',
        code: 403,
        username: 'alice',
        peer: '10.0.0.1',
        suppressed: 0,
      },
      message: expect.stringMatching(/^refused createPermission with 403: /),
    });
  });

  it('takes a stale nonce for everyday life', () => {
    const [refused] = refusal();
    const stale = { ...refused, method: Method.refresh, code: ErrorCode.staleNonce } as EventRecord;
    expect(lines([stale])).toMatchObject([{ level: 'debug' }]);
  });

  it.each([
    ['truncated', '30.0.0.0/24', '10.0.0.0/24'],
    ['hidden', 'hidden', 'hidden'],
  ] as const)('writes addresses of clients and peers %s, and relayed ones in full', (detail, client, peer) => {
    const { records, relayed } = session();
    const [created, ended] = lines(records, detail);
    expect(created!.facts).toMatchObject({ client, relayed: [relayed] });
    expect(ended!.facts).toMatchObject({ client });
    expect(lines(refusal(), detail)[0]!.facts).toMatchObject({ client, peer });
  });

  it('leaves lines out when there are too many', () => {
    const [refused] = refusal();
    const log = lines(Array.from({ length: 25 }, () => refused!));
    expect(log).toHaveLength(20);
  });
});
