import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KEY_WORDS, PAYLOAD, RowTable } from './row-table.ts';

const ROWS = 8;
const STRIDE = PAYLOAD + 1;

/** Few first words, so that chains grow; the last word tells the keys apart. */
function key(name: number): Int32Array {
  return Int32Array.of(name % 3, 0, 0, name);
}

function table(): RowTable {
  return new RowTable(new Int32Array(RowTable.words(ROWS, STRIDE)), ROWS, STRIDE);
}

const operation = fc.record({ kind: fc.constantFrom('insert', 'remove', 'relink'), name: fc.nat(15) });

describe('RowTable', () => {
  it('finds what was put in and not removed, under the same number, and holds as many as it has rows', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), fc.integer(), (operations, noise) => {
        const rows = table();
        const model = new Map<number, number>();
        for (const { kind, name } of operations) {
          const known = model.get(name);
          if (kind === 'insert' && known === undefined) {
            const row = rows.insert(key(name));
            expect(row < 0).toBe(model.size === ROWS);
            expect([...model.values()]).not.toContain(row);
            if (row >= 0) model.set(name, row);
          } else if (kind === 'remove' && known !== undefined) {
            rows.remove(known);
            model.delete(name);
          } else if (kind === 'relink') {
            scramble(rows, noise);
            const used = new Set(model.values());
            rows.relink((row) => used.has(row));
          }
          expect(rows.size).toBe(model.size);
          for (let name = 0; name < 16; name++) expect(rows.find(key(name))).toBe(model.get(name) ?? -1);
        }
      }),
    );
  });

  it('compares whole keys', () => {
    const rows = table();
    rows.insert(Int32Array.of(1, 2, 3, 4));
    for (let word = 0; word < KEY_WORDS; word++) {
      const other = Int32Array.of(1, 2, 3, 4);
      other[word]! += 64;
      expect(rows.find(other)).toBe(-1);
    }
  });

  it('uses its rows from the front', () => {
    const rows = table();
    for (let name = 0; name < 3; name++) expect(rows.insert(key(name))).toBe(name);
    rows.remove(1);
    expect(rows.insert(key(3))).toBe(1);
    expect(rows.end).toBe(3);
  });
});

/** Destroys all that a thread could leave half done: the index, but neither the keys nor how many rows were ever used. */
function scramble(rows: RowTable, noise: number): void {
  const { words, end } = rows;
  words.fill(noise, 0, rows.at(0));
  words[1] = end;
  for (let row = 0; row < end; row++) words[rows.at(row)] = noise;
}
