import { expect, it } from 'vitest';
import { outagesOf } from './outage.ts';
import { PacketLedger } from './packet-ledger.ts';

/** A packet each 10 ms from 1000 on, of which these are lost. */
function outages(sent: number, isLost: (number: number) => boolean) {
  const ledger = new PacketLedger();
  for (let i = 0; i < sent; i++) {
    ledger.sent(1000 + i * 10);
    if (!isLost(i)) ledger.arrived(i, 1020 + i * 10);
  }
  ledger.close();
  return outagesOf(ledger.silences, 600);
}

it('nothing and scattered loss are no outage', () => {
  expect(outages(1000, () => false)).toEqual({});
  expect(outages(1000, (i) => i % 2 === 0)).toEqual({});
  expect(outages(1000, (i) => i >= 100 && i < 130)).toEqual({});
  expect(outages(0, () => true)).toEqual({});
});

it('a time without any packet that ends is one', () => {
  expect(outages(1000, (i) => (i >= 100 && i < 130) || (i >= 200 && i < 260))).toEqual({ longestMs: 600 });
});

it('one that lasts to the end is the last', () => {
  expect(outages(1000, (i) => i >= 400)).toEqual({ final: { afterMs: 4400, packets: 600 } });
  expect(outages(1000, (i) => (i >= 100 && i < 160) || i >= 400)).toEqual({
    longestMs: 600,
    final: { afterMs: 4400, packets: 600 },
  });
  expect(outages(1000, (i) => i >= 950)).toEqual({});
});

it('a sender that was held up is none', () => {
  const ledger = new PacketLedger();
  for (const atMs of [0, 10, 20, 2000, 4000, 4010]) ledger.sent(atMs);
  for (const sequence of [0, 1, 5]) ledger.arrived(sequence, 4020);
  ledger.close();
  expect(outagesOf(ledger.silences, 0)).toEqual({});
});
