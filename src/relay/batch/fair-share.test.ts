import { describe, expect, it } from 'vitest';
import { mutableTransportAddress } from '../../stun/attributes/address.ts';
import { IpAddress } from '../../stun/ip-address.ts';
import { FairShare } from './fair-share.ts';

const MOST = 512;

function sender(ip: string, port: number) {
  const address = mutableTransportAddress();
  address.ip.copy(IpAddress.parse(ip)!);
  address.port = port;
  return address;
}

/** A turn in which each sender sends so many packets; how many of each were admitted. */
function turn(share: FairShare, loads: readonly (readonly [ReturnType<typeof sender>, number])[], lost: boolean) {
  const admitted = loads.map(([from, packets]) => {
    let count = 0;
    for (let i = 0; i < packets; i++) if (share.admit(from)) count++;
    return count;
  });
  share.endTurn(lost);
  return admitted;
}

describe('the fair share', () => {
  const flood = sender('192.0.2.1', 1000);
  const quiet = Array.from({ length: 10 }, (_, i) => sender(i % 2 === 0 ? '192.0.2.7' : '2001:db8::7', 2000 + i));
  const loads = [[flood, 490] as const, ...quiet.map((from) => [from, 2] as const)];

  it('lets everything pass while nothing is lost', () => {
    const share = new FairShare(MOST, 1);
    for (let i = 0; i < 5; i++) expect(turn(share, loads, false)).toEqual([490, ...quiet.map(() => 2)]);
    expect(share.engaged).toBe(false);
  });

  it('cuts down whoever sends most, and nobody else', () => {
    const share = new FairShare(MOST, 1);
    let admitted: number[] = [];
    for (let i = 0; i < 20; i++) admitted = turn(share, loads, true);
    expect(admitted[0]).toBeGreaterThan(0);
    expect(admitted[0]).toBeLessThan(100);
    expect(admitted.slice(1)).toEqual(quiet.map(() => 2));
  });

  it('treats those alike who send alike', () => {
    const share = new FairShare(MOST, 7);
    const equal = quiet.slice(0, 4).map((from) => [from, 128] as const);
    let admitted: number[] = [];
    for (let i = 0; i < 20; i++) admitted = turn(share, equal, true);
    expect(new Set(admitted).size).toBe(1);
    expect(admitted[0]).toBeGreaterThanOrEqual(MOST / 8 / 4);
  });

  it('ends when nothing is lost any more', () => {
    const share = new FairShare(MOST, 1);
    for (let i = 0; i < 5; i++) turn(share, loads, true);
    for (let i = 0; share.engaged; i++) {
      expect(i).toBeLessThan(100);
      turn(share, loads, false);
    }
    expect(turn(share, loads, false)[0]).toBe(490);
  });
});
