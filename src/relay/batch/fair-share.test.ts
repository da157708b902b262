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

type Sender = ReturnType<typeof sender>;

/** A turn in which each sender sends so many packets; how many of each were admitted. */
function turn(share: FairShare, loads: readonly (readonly [Sender, number])[], fullness: number) {
  const admitted = loads.map(([from, packets]) => {
    let count = 0;
    for (let i = 0; i < packets; i++) if (share.admit(from)) count++;
    return count;
  });
  share.endTurn(fullness);
  return admitted;
}

describe('the fair share', () => {
  const flood = sender('192.0.2.1', 1000);
  const quiet = Array.from({ length: 10 }, (_, i) => sender(i % 2 === 0 ? '192.0.2.7' : '2001:db8::7', 2000 + i));
  const loads = [[flood, 490] as const, ...quiet.map((from) => [from, 2] as const)];

  it('lets everything pass while few wait', () => {
    const share = new FairShare(MOST, 1);
    for (let i = 0; i < 5; i++) expect(turn(share, loads, 0)).toEqual([490, ...quiet.map(() => 2)]);
    expect(share.engaged).toBe(false);
  });

  it('cuts down whoever sends most, and nobody else', () => {
    const share = new FairShare(MOST, 1);
    let admitted: number[] = [];
    for (let i = 0; i < 20; i++) admitted = turn(share, loads, 1);
    expect(admitted[0]).toBeGreaterThan(0);
    expect(admitted[0]).toBeLessThan(100);
    expect(admitted.slice(1)).toEqual(quiet.map(() => 2));
  });

  it('spares those who send alike while there is room for more to wait', () => {
    const share = new FairShare(MOST, 7);
    const equal = quiet.slice(0, 4).map((from) => [from, 128] as const);
    for (let i = 0; i < 20; i++) expect(turn(share, equal, 1 / 4)).toEqual([128, 128, 128, 128]);
    for (let i = 0; i < 20; i++) turn(share, loads, 1 / 4);
    const [most, ...others] = turn(share, loads, 1 / 4);
    expect(most).toBeLessThan(100);
    expect(others).toEqual(quiet.map(() => 2));
  });

  it("lets nobody choose an address that counts as somebody else's", () => {
    const [victim, attacker] = ['2001:db8::1', '2001:db8::1:0:0'].map((ip) => sender(ip, 1000)) as [Sender, Sender];
    for (let seed = 1; seed <= 10; seed++) {
      const share = new FairShare(MOST, seed);
      let admitted: number[] = [];
      for (let i = 0; i < 20; i++) {
        admitted = turn(
          share,
          [
            [attacker, 500],
            [victim, 2],
          ],
          1,
        );
      }
      expect(admitted[1]).toBe(2);
    }
  });

  it('treats those alike who send alike', () => {
    const share = new FairShare(MOST, 7);
    const equal = quiet.slice(0, 4).map((from) => [from, 128] as const);
    let admitted: number[] = [];
    for (let i = 0; i < 20; i++) admitted = turn(share, equal, 1);
    expect(new Set(admitted).size).toBe(1);
    expect(admitted[0]).toBeGreaterThanOrEqual(MOST / 8 / 4);
  });

  it('ends when few wait any more', () => {
    const share = new FairShare(MOST, 1);
    for (let i = 0; i < 5; i++) turn(share, loads, 1);
    for (let i = 0; share.engaged; i++) {
      expect(i).toBeLessThan(100);
      turn(share, loads, 0);
    }
    expect(turn(share, loads, 0)[0]).toBe(490);
  });
});
