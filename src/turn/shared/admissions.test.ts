import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../test/virtual-network/seeded-random.ts';
import { AddressFamily } from '../../stun/protocol.ts';
import { instant } from '../time.ts';
import { createSharedMemory } from './shared-memory.ts';
import { SharedTables } from './shared-tables.ts';

const { ipv4 } = AddressFamily;
const random = new SeededRandom(1);
const generous = { allocations: 1000, allocationsPerUser: 1000 };

function open(servers: number): SharedTables[] {
  const memory = createSharedMemory(servers, { low: 50_000, high: 50_019 }, random);
  return Array.from({ length: servers }, (_, server) => new SharedTables(memory, server));
}

/** Admits an allocation with a reservation and gives it its port, as a server does. */
function reserve({ admissions, ports }: SharedTables, user: string): { token: Buffer; row: number; port: number } {
  const token = random.bytes(8);
  const row = admissions.admit(user, generous, token) as number;
  const port = ports.take(ipv4, random)!;
  admissions.keep(token, ipv4, port);
  return { token, row, port };
}

/** What the model knows of an allocation, and of a reservation. */
interface Held {
  readonly server: number;
  readonly user: string;
  readonly row: number;
}
interface Reserved {
  readonly server: number;
  readonly user: string;
  readonly token: Buffer;
  readonly port: number;
}

const operation = fc.record({
  kind: fc.constantFrom('admit', 'admit', 'reserve', 'redeem', 'cancel', 'leave', 'leave', 'forget'),
  server: fc.nat(2),
  user: fc.constantFrom('alice', 'bob', 'carol'),
  pick: fc.nat(1000),
});

describe('Admissions', () => {
  it('count like one table that is never wrong, over servers that come and go', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
        const servers = open(3);
        const quotas = { allocations: 9, allocationsPerUser: 5 };
        let held: Held[] = [];
        let reserved: Reserved[] = [];
        const countOf = (user: string) => [...held, ...reserved].filter((entry) => entry.user === user).length;
        const rejection = (user: string, wanted: number) => {
          if (held.length >= quotas.allocations) return 'server-quota';
          return countOf(user) + wanted > quotas.allocationsPerUser ? 'user-quota' : undefined;
        };
        for (const { kind, server, user, pick } of operations) {
          const { admissions, ports } = servers[server]!;
          if (kind === 'admit' || kind === 'reserve') {
            const token = kind === 'reserve' ? random.bytes(8) : undefined;
            const expected = rejection(user, token === undefined ? 1 : 2);
            const row = admissions.admit(user, quotas, token);
            if (expected !== undefined) expect(row).toBe(expected);
            else held.push({ server, user, row: row as number });
            if (token !== undefined && expected === undefined) {
              const port = ports.take(ipv4, random)!;
              admissions.keep(token, ipv4, port);
              reserved.push({ server, user, token, port });
            }
          } else if (kind === 'redeem') {
            const reservation = reserved[pick % (reserved.length || 1)];
            const result = admissions.redeem(user, quotas, reservation?.token ?? Buffer.alloc(8));
            if (reservation?.user !== user) expect(result).toBe('no-reservation');
            else if (held.length >= quotas.allocations) expect(result).toBe('server-quota');
            else {
              expect(result).toMatchObject({ family: ipv4, port: reservation.port });
              expect(ports.isOwnedBy(ipv4, reservation.port, server)).toBe(true);
              reserved = reserved.filter((entry) => entry !== reservation);
              ports.release(ipv4, reservation.port);
              held.push({ server, user, row: (result as { user: number }).user });
            }
          } else if (kind === 'cancel') {
            const reservation = reserved.filter((entry) => entry.server === server)[pick % (reserved.length || 1)];
            admissions.cancel(reservation?.token ?? Buffer.alloc(8));
            reserved = reserved.filter((entry) => entry !== reservation);
          } else if (kind === 'leave') {
            const mine = held.filter((entry) => entry.server === server);
            const one = mine[pick % (mine.length || 1)];
            if (one !== undefined) admissions.leave(one.row);
            held = held.filter((entry) => entry !== one);
          } else {
            servers[(server + 1) % 3]!.forgetServer(server, () => {});
            held = held.filter((entry) => entry.server !== server);
            reserved = reserved.filter((entry) => entry.server !== server);
          }
          for (const name of ['alice', 'bob', 'carol']) {
            expect(admissions.allocationsOf(name)).toBe(held.filter((entry) => entry.user === name).length);
          }
          expect(admissions.users).toBe(new Set([...held, ...reserved].map((entry) => entry.user)).size);
          expect(admissions.reservations).toBe(reserved.length);
          expect(ports.free(ipv4)).toBe(20 - reserved.length);
        }
      }),
    );
  });

  it('keep a user in its row while it holds anything anywhere', () => {
    const [first, second] = open(2);
    const alice = first!.admissions.admit('alice', generous);
    expect(second!.admissions.admit('alice', generous)).toBe(alice);
    expect(second!.admissions.admit('bob', generous)).not.toBe(alice);
    first!.admissions.leave(alice as number);
    expect(first!.admissions.admit('alice', generous)).toBe(alice);
  });

  it('give a user one traffic allowance at all servers, and a new user a fresh one', () => {
    const [first, second] = open(2);
    const rates = { packetsPerSecond: 2, bytesPerSecond: 1000 };
    const row = first!.admissions.admit('alice', generous) as number;
    const here = first!.admissions.traffic(row, rates);
    const there = second!.admissions.traffic(row, rates);
    const now = instant(5);
    expect([here, there, here].map((traffic) => traffic.admit(1, now))).toEqual([true, true, false]);
    first!.admissions.leave(row);
    expect(second!.admissions.admit('bob', generous)).toBe(row);
    expect(there.admit(1, now)).toBe(true);
  });

  it('do not let a token be used before its port is known, nor by anybody else', () => {
    const [first, second] = open(2);
    const token = random.bytes(8);
    first!.admissions.admit('alice', generous, token);
    expect(second!.admissions.redeem('alice', generous, token)).toBe('no-reservation');
    first!.admissions.keep(token, ipv4, first!.ports.take(ipv4, random)!);
    expect(second!.admissions.redeem('bob', generous, token)).toBe('no-reservation');
    expect(second!.admissions.redeem('alice', generous, token)).toMatchObject({ family: ipv4 });
    expect(second!.admissions.redeem('alice', generous, token)).toBe('no-reservation');
  });

  it('never give out a port that is in use, because a redeeming thread ended after it took it over', () => {
    const [first, second, third] = open(3);
    const { token, port } = reserve(first!, 'alice');
    // The last thing that the second server did.
    expect(second!.ports.takeOver(ipv4, port, 0)).toBe(true);
    third!.forgetServer(1, () => {});
    expect(third!.admissions.reservations).toBe(0);
    expect(third!.ports.free(ipv4)).toBe(20);
    expect(third!.admissions.redeem('alice', generous, token)).toBe('no-reservation');
    expect(third!.admissions.allocationsOf('alice')).toBe(1);
  });

  it('have room for a user at each port of both families, and one more for each Allocate that is being worked on', () => {
    const [tables] = open(1);
    for (let i = 0; i < 41; i++) expect(typeof tables!.admissions.admit(`user ${i}`, generous)).toBe('number');
    expect(tables!.admissions.admit('one too many', generous)).toBe('server-quota');
    expect(typeof tables!.admissions.admit('user 7', generous)).toBe('number');
    expect(tables!.admissions.users).toBe(41);
  });
});
