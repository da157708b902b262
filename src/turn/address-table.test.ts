import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { AddressTable } from './address-table.ts';

const ips = [
  new IpAddress(AddressFamily.ipv4, 1),
  new IpAddress(AddressFamily.ipv4, 2),
  // The same words in the other family are another address.
  new IpAddress(AddressFamily.ipv6, 1),
  new IpAddress(AddressFamily.ipv6, 0, 0, 0, 1),
  new IpAddress(AddressFamily.ipv6, 0, 1, 0, 0),
  new IpAddress(AddressFamily.ipv6, -1, -1, -1, -1),
];

const key = fc.record({ scope: fc.constantFrom(0, 1, -1, 0x4000_4000), ip: fc.nat(5), port: fc.nat(40) });
const operation = fc.record({ key, remove: fc.boolean(), value: fc.integer() });

describe('AddressTable', () => {
  it('does what a Map does', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(operation, { maxLength: 400 }), (seed, operations) => {
        const table = new AddressTable<{ value: number }>(seed);
        const model = new Map<string, { value: number }>();
        for (const { key, remove, value } of operations) {
          const name = `${key.scope} ${key.ip} ${key.port}`;
          const ip = ips[key.ip]!;
          if (remove) {
            expect(table.delete(key.scope, ip, key.port)).toBe(model.delete(name));
          } else {
            table.set(key.scope, ip, key.port, { value });
            model.set(name, { value });
          }
          expect(table.size).toBe(model.size);
        }
        for (const scope of [0, 1, -1, 0x4000_4000]) {
          for (const [i, ip] of ips.entries()) {
            for (let port = 0; port <= 40; port++) {
              expect(table.get(scope, ip, port)).toEqual(model.get(`${scope} ${i} ${port}`));
            }
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('grows to many entries and shrinks again, and loses none on the way', () => {
    const table = new AddressTable<number>(42);
    const ip = (i: number) => new IpAddress(AddressFamily.ipv4, i);
    for (let i = 0; i < 20_000; i++) table.set(1, ip(i), i & 0xffff, i + 1);
    for (let i = 0; i < 20_000; i += 2) expect(table.delete(1, ip(i), i & 0xffff)).toBe(true);
    for (let i = 0; i < 20_000; i++) {
      if (table.get(1, ip(i), i & 0xffff) !== (i % 2 === 0 ? undefined : i + 1)) throw new Error(`entry ${i}`);
    }
    for (let i = 1; i < 20_000; i += 2) expect(table.delete(1, ip(i), i & 0xffff)).toBe(true);
    expect(table.size).toBe(0);
    expect(table.delete(1, ip(1), 1)).toBe(false);
  });
});
