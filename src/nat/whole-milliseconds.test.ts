import { expect, it } from 'vitest';
import { wholeMilliseconds } from './whole-milliseconds.ts';

it('rounds times wherever they are, and nothing else', () => {
  const report = { elapsedMs: 12.6, span: 1.5, mapped: ['a'], filtering: { value: null, elapsedMs: 0.4 } };
  const servers = [{ roundTripMs: 23.6 }, { roundTripMs: null }];
  expect(wholeMilliseconds({ report, servers })).toEqual({
    report: { elapsedMs: 13, span: 1.5, mapped: ['a'], filtering: { value: null, elapsedMs: 0 } },
    servers: [{ roundTripMs: 24 }, { roundTripMs: null }],
  });
});
