import { describe, expect, it } from 'vitest';
import { IpAddress } from '../stun/ip-address.ts';
import { PendingConnections } from './pending-connections.ts';

const ip = (text: string) => IpAddress.parse(text)!;
const full = { pending: 3, pendingPerAddress: 2 };

describe('pending connections', () => {
  it('have the oldest one close when the table is full', () => {
    const table = new PendingConnections<string>(full);
    expect(['a', 'b', 'c'].map((name) => table.add(name))).toEqual([undefined, undefined, undefined]);
    expect(table.add('d')).toBe('a');
    expect(table.add('e')).toBe('b');
    expect(table.size).toBe(3);
  });

  it('leave room for others: one address gets its share, and gets it back', () => {
    const table = new PendingConnections<string>({ pending: 9, pendingPerAddress: 2 });
    for (const name of ['a', 'b', 'c', 'd']) table.add(name);
    expect(['a', 'b', 'c'].map((name) => table.place(name, ip('192.0.2.1')))).toEqual([true, true, false]);
    expect(table.place('d', ip('192.0.2.2'))).toBe(true);
    expect(table.delete('a')).toBe(true);
    expect(table.delete('a')).toBe(false);
    expect(table.place('c', ip('192.0.2.1'))).toBe(true);
  });

  it('count an IPv6 /64 as one address', () => {
    const table = new PendingConnections<number>({ pending: 9, pendingPerAddress: 1 });
    for (const name of [1, 2, 3]) table.add(name);
    expect(table.place(1, ip('2001:db8::1'))).toBe(true);
    expect(table.place(2, ip('2001:db8::2'))).toBe(false);
    expect(table.place(3, ip('2001:db8:0:1::1'))).toBe(true);
  });

  it('forget the address of one that had to go', () => {
    const table = new PendingConnections<number>({ pending: 1, pendingPerAddress: 1 });
    for (let i = 0; i < 5; i++) {
      table.add(i);
      expect(table.place(i, ip('192.0.2.1'))).toBe(true);
    }
  });
});
