import { randomBytes, randomInt } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../test/virtual-network/seeded-random.ts';
import { AddressFamily } from '../../stun/protocol.ts';
import { PORT_SLOTS, type PortRange, PortTable, portCount } from './port-table.ts';

const { ipv4, ipv6 } = AddressFamily;
const random = new SeededRandom(1);

/** The tables of several servers over the same ports. */
function tables(range: PortRange, servers = 1): PortTable[] {
  const slots = new Uint8Array(PORT_SLOTS);
  const descriptors = new Int32Array(PORT_SLOTS);
  return Array.from({ length: servers }, (_, server) => new PortTable(range, server, slots, descriptors));
}

const operation = fc.record({
  kind: fc.constantFrom('take', 'even', 'pair', 'release', 'take-over', 'forget'),
  server: fc.nat(2),
  family: fc.constantFrom(ipv4, ipv6),
});

describe('PortTable', () => {
  it('gives each port to one server at a time, even ones and pairs as asked, and fails only when there are none', () => {
    const range = fc.tuple(fc.integer({ min: 1024, max: 1027 }), fc.integer({ min: 0, max: 20 }));
    fc.assert(
      fc.property(range, fc.integer(), fc.array(operation, { maxLength: 100 }), ([low, extra], seed, operations) => {
        const random = new SeededRandom(seed);
        const high = low + extra;
        const servers = tables({ low, high }, 3);
        /** Who has which port, by family. */
        const taken = { [ipv4]: new Map<number, number>(), [ipv6]: new Map<number, number>() };
        const all = Array.from({ length: extra + 1 }, (_, i) => low + i);
        for (const { kind, server, family } of operations) {
          const owners = taken[family];
          const ports = servers[server]!;
          const [port, owner] = [...owners].slice(random.below(owners.size || 1))[0] ?? [];
          if (kind === 'release') {
            if (port !== undefined) {
              servers[owner!]!.release(family, port);
              owners.delete(port);
            }
          } else if (kind === 'take-over') {
            if (port !== undefined) {
              expect(ports.takeOver(family, port, (owner! + 1) % 3)).toBe(false);
              expect(ports.takeOver(family, port, owner!)).toBe(true);
              owners.set(port, server);
            }
          } else if (kind === 'forget') {
            servers[(server + 1) % 3]!.forget(server, () => {});
            for (const owners of Object.values(taken)) {
              for (const [port, owner] of owners) if (owner === server) owners.delete(port);
            }
          } else {
            const free = (port: number) => port >= low && port <= high && !owners.has(port);
            const fits = (p: number) => free(p) && (kind === 'take' || p % 2 === 0) && (kind !== 'pair' || free(p + 1));
            const port = kind === 'take' ? ports.take(family, random) : ports.takeEven(family, kind === 'pair', random);
            if (port === undefined) expect(all.some(fits)).toBe(false);
            else {
              expect(fits(port)).toBe(true);
              owners.set(port, server);
              if (kind === 'pair') owners.set(port + 1, server);
            }
          }
          expect(ports.free(family)).toBe(extra + 1 - owners.size);
          for (const p of all) expect(ports.isOwnedBy(family, p, server)).toBe(owners.get(p) === server);
        }
      }),
    );
  });

  it('says so when a port is given back twice, or by another server', () => {
    const [first, second] = tables({ low: 50_000, high: 50_009 }, 2);
    const port = first!.take(ipv4, random)!;
    expect(() => second!.release(ipv4, port)).toThrow('twice');
    expect(() => first!.release(ipv6, port)).toThrow('twice');
    first!.release(ipv4, port);
    expect(() => first!.release(ipv4, port)).toThrow('twice');
  });

  it('works over the whole range of ports', () => {
    const range = { low: 1024, high: 65_535 };
    const [ports] = tables(range);
    const seen = new Set<number>();
    for (let i = 0; i < portCount(range) - 1; i++) seen.add(ports!.take(ipv6, random)!);
    expect(ports!.free(ipv6)).toBe(1);
    seen.add(ports!.take(ipv6, random)!);
    expect(seen.size).toBe(64_512);
    expect(ports!.take(ipv6, random)).toBeUndefined();
    expect(ports!.free(ipv4)).toBe(64_512);
    for (const port of seen) ports!.release(ipv6, port);
    expect(ports!.free(ipv6)).toBe(64_512);
  });

  it('knows where a UDP relay is open, whichever server has it', () => {
    const [first, second] = tables({ low: 50_000, high: 50_009 }, 2);
    const port = first!.take(ipv4, random)!;
    const live = () => [first, second].map((ports) => ports!.isLiveUdpRelay(ipv4, port));
    expect(live()).toEqual([false, false]);
    first!.opened(ipv4, port);
    expect(live()).toEqual([true, true]);
    expect(second!.isLiveUdpRelay(ipv6, port)).toBe(false);
    expect(first!.isOwnedBy(ipv4, port, 0)).toBe(true);
    first!.closed(ipv4, port);
    expect(live()).toEqual([false, false]);
    expect(first!.isOwnedBy(ipv4, port, 0)).toBe(true);
  });

  it('hands out the descriptors of a dead server, and only those of sockets that it had open', () => {
    const [dead, living] = tables({ low: 50_000, high: 50_009 }, 2);
    const ports = [dead, dead, dead, living].map((table, i) => {
      const port = table!.take(ipv4, random)!;
      table!.opened(ipv4, port);
      table!.setDescriptor(ipv4, port, 20 + i);
      return port;
    });
    dead!.closed(ipv4, ports[0]!);
    dead!.release(ipv4, ports[1]!);
    const closed: number[] = [];
    living!.forget(0, (descriptor) => closed.push(descriptor));
    expect(closed).toEqual([22]);
    expect(ports.map((port) => living!.isLiveUdpRelay(ipv4, port))).toEqual([false, false, false, true]);
    expect(living!.free(ipv4)).toBe(9);
  });

  it('hands out 10,000 ports with no sequence to them, whether they are given back or not', () => {
    // The real source of randomness: what is tested is that nothing between it and the port makes a pattern.
    const random = { below: (limit: number) => randomInt(limit), bytes: (length: number) => randomBytes(length) };
    for (const giveBack of [false, true]) {
      const [table] = tables({ low: 49_152, high: 65_535 });
      const ports: number[] = [];
      for (let i = 0; i < 10_000; i++) {
        const port = table!.take(ipv4, random)!;
        ports.push(port);
        if (giveBack) table!.release(ipv4, port);
      }
      const steps = ports.slice(1).map((port, i) => port - ports[i]!);
      const near = steps.filter((step) => Math.abs(step) <= 2).length;
      const up = steps.filter((step) => step > 0).length;
      // By chance 3 in 10,000 are this near and half go up; these bounds are missed once in a million runs or less.
      expect(near).toBeLessThan(25);
      expect(Math.abs(up - 5000)).toBeLessThan(250);
      expect(Math.abs(correlation(ports.slice(1), ports.slice(0, -1)))).toBeLessThan(0.06);
    }
  });
});

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  const product = mean(a.map((value, i) => (value - meanA) * (b[i]! - meanB)));
  const deviation = (values: readonly number[], m: number) => Math.sqrt(mean(values.map((value) => (value - m) ** 2)));
  return product / (deviation(a, meanA) * deviation(b, meanB));
}
