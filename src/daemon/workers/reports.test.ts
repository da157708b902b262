import { beforeEach, describe, expect, it } from 'vitest';
import { IpAddress } from '../../stun/ip-address.ts';
import type { Allocation } from '../../turn/allocation.ts';
import type { ServerEvent } from '../../turn/output.ts';
import { instant } from '../../turn/time.ts';
import type { FromWorker } from './messages.ts';
import { Reports } from './reports.ts';

const refusal: ServerEvent = {
  kind: 'request-refused',
  method: 3,
  code: 420,
  why: 'unknown comprehension-required attributes: 0x7fff',
  client: { ip: IpAddress.parse('192.0.2.1')!, port: 1000 },
  username: undefined,
  peer: undefined,
};

let told: FromWorker[];
let reports: Reports;

beforeEach(() => {
  told = [];
  reports = new Reports((message) => told.push(message), instant(0));
});

const ended = (admitted: boolean): ServerEvent => ({
  kind: 'allocation-ended',
  allocation: {
    id: 'a',
    user: { id: 'u' },
    admitted,
    authenticated: { credential: {} },
    fiveTuple: { client: refusal.client, listener: { transport: 'udp' } },
    createdAt: 0,
    fromClient: { packets: 0, bytes: 0 },
    toClient: { packets: 0, bytes: 0 },
  } as unknown as Allocation,
  reason: 'refreshed-to-zero',
  at: instant(0),
});

describe('what a worker tells', () => {
  it('is told at once, and under load what has gathered for some milliseconds', () => {
    for (let turn = 0; turn < 1000; turn++) {
      reports.event(ended(false), instant(turn / 10));
      reports.send(instant(turn / 10));
      if (turn === 0) expect(told).toHaveLength(1);
    }
    expect(told).toHaveLength(20);
    expect(reports.dueIn(instant(99.9))).toBeCloseTo(0.1);
    reports.send(instant(100));
    expect(told.flatMap((message) => (message.kind === 'events' ? message.events : []))).toHaveLength(1000);
    expect(reports.dueIn(instant(100))).toBe(Number.POSITIVE_INFINITY);
  });

  it('does not wait when others count by it', () => {
    for (let turn = 0; turn < 10; turn++) {
      reports.event(ended(true), instant(0));
      expect(reports.dueIn(instant(0))).toBe(0);
      reports.send(instant(0));
    }
    expect(told).toHaveLength(10);
  });

  it('is nothing when nothing happened', () => {
    reports.send(instant(0));
    expect(told).toEqual([]);
  });

  it('is no more of a flood of refusals than the main thread can read, and how many there were', () => {
    for (let i = 0; i < 100_000; i++) reports.event(refusal, instant(0));
    reports.send(instant(0));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ kind: 'events', events: { length: 50 } });
    reports.event(refusal, instant(1000));
    reports.send(instant(1000));
    expect(told[1]).toMatchObject({ events: [{ kind: 'request-refused', code: 420, omitted: 99_950 }] });
  });

  it('is each trouble once, with how often it happened, some times a second', () => {
    const turns = 1000;
    for (let turn = 0; turn < turns; turn++) {
      reports.trouble('send-failed', 'EINVAL');
      if (turn === 0) reports.trouble('relay-failed', 'bind EADDRNOTAVAIL');
      reports.send(instant(turn));
    }
    expect(told.slice(0, 2)).toEqual([
      { kind: 'trouble', what: 'send-failed', why: 'EINVAL', times: 1 },
      { kind: 'trouble', what: 'relay-failed', why: 'bind EADDRNOTAVAIL', times: 1 },
    ]);
    expect(told.length).toBeLessThan(10);
    reports.send(instant(turns + 1000));
    const times = told.map((message) =>
      message.kind === 'trouble' && message.what === 'send-failed' ? message.times : 0,
    );
    expect(times.reduce((sum, more) => sum + more)).toBe(turns);
  });
});
