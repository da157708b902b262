import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketLedger } from './packet-ledger.ts';

/** Sends packets 0 to `sent` - 1, one each millisecond, and lets these arrive in this order. */
function ledgerOf(sent: number, arrivals: readonly number[], first = 0): PacketLedger {
  const ledger = new PacketLedger(first);
  for (let i = 0; i < sent; i++) ledger.sent(i);
  for (const sequence of arrivals) ledger.arrived(sequence, sent + 10);
  return ledger;
}

describe('a packet ledger', () => {
  it('finds nothing wrong with packets that all come in order', () => {
    const ledger = ledgerOf(4, [0, 1, 2, 3]);
    expect(ledger.isComplete).toBe(true);
    expect(ledger.close()).toEqual({
      sent: 4,
      received: 4,
      lost: 0,
      lossFraction: 0,
      reordered: 0,
      duplicated: 0,
      longestBurst: 0,
    });
  });

  it('says how long a packet took', () => {
    const ledger = new PacketLedger(7);
    ledger.sent(100);
    expect(ledger.arrived(7, 141.5)).toBe(41.5);
  });

  it('counts lost packets and the longest run of them', () => {
    expect(ledgerOf(10, [0, 2, 6, 7, 8]).close()).toMatchObject({ lost: 5, lossFraction: 0.5, longestBurst: 3 });
    expect(ledgerOf(5, [0]).close().longestBurst).toBe(4);
  });

  it('counts what comes after one that was sent later', () => {
    expect(ledgerOf(5, [1, 0, 2, 4, 3]).close()).toMatchObject({ reordered: 2, lost: 0 });
    expect(ledgerOf(5, [4, 0, 1, 2, 3]).close().reordered).toBe(4);
  });

  it('counts duplicates once as received', () => {
    expect(ledgerOf(3, [0, 0, 1, 2, 0]).close()).toMatchObject({ received: 3, duplicated: 2, reordered: 0 });
  });

  it('takes no notice of what it has not sent', () => {
    const ledger = ledgerOf(3, [2, 3, 99], 1);
    expect(ledger.arrived(0, 5)).toBeUndefined();
    expect(ledger.close()).toMatchObject({ sent: 3, received: 2, duplicated: 0 });
  });

  it('says that all is lost when nothing arrives, and when nothing was sent', () => {
    expect(ledgerOf(20, []).close()).toMatchObject({ sent: 20, lost: 20, lossFraction: 1, longestBurst: 20 });
    expect(ledgerOf(0, []).close()).toMatchObject({ sent: 0, lost: 0, lossFraction: 1 });
  });

  it('leaves out what may still be on its way', () => {
    const ledger = ledgerOf(10, [0, 1, 3, 9]);
    expect(ledger.lossFraction(4)).toBeCloseTo(2 / 6);
    expect(ledger.close(4)).toMatchObject({ sent: 6, received: 4, lost: 2 });
    expect(new PacketLedger().lossFraction(4)).toBeUndefined();
  });

  it('keeps its memory bounded: what is too old is settled', () => {
    const ledger = new PacketLedger();
    const sent = 30_000;
    for (let i = 0; i < sent; i++) {
      ledger.sent(i);
      if (i % 10 !== 0) ledger.arrived(i, i);
    }
    expect(ledger.arrived(10, sent)).toBeUndefined();
    expect(ledger.close()).toMatchObject({ sent, lost: sent / 10, lossFraction: 0.1, longestBurst: 1, reordered: 0 });
  });

  it('tells as many from lost ones as it is made for', () => {
    const [sent, window] = [30_000, 65_536];
    const ledger = new PacketLedger(3, window);
    for (let i = 0; i < sent; i++) ledger.sent(i);
    for (let i = 0; i < sent; i++) expect(ledger.arrived(3 + i, sent)).toBe(sent - i);
    expect(ledger.close()).toMatchObject({ sent, received: sent, lost: 0 });
  });

  it('agrees with a simple account, whatever arrives', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30), { maxLength: 60 }), (arrivals) => {
        const sent = 25;
        const known = arrivals.filter((sequence) => sequence < sent);
        const unique = [...new Set(known)];
        const missing = Array.from({ length: sent }, (_, i) => (unique.includes(i) ? ' ' : 'x')).join('');
        expect(ledgerOf(sent, arrivals).close()).toEqual({
          sent,
          received: unique.length,
          lost: sent - unique.length,
          lossFraction: (sent - unique.length) / sent,
          duplicated: known.length - unique.length,
          reordered: unique.filter((sequence, i) => unique.slice(0, i).some((before) => before > sequence)).length,
          longestBurst: Math.max(...missing.split(' ').map((run) => run.length)),
        });
      }),
    );
  });
});
