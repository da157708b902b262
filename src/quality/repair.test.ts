import { describe, expect, it } from 'vitest';
import { chooseRepair } from './repair.ts';

describe('the repair of lost packets', () => {
  it.each([
    { repair: 'none-needed', oneWayMs: 40, playoutDelayMs: 5, lossFraction: 0 },
    { repair: 'none-needed', oneWayMs: 300, playoutDelayMs: 5, lossFraction: 0.004 },
    { repair: 'nack', oneWayMs: 10, playoutDelayMs: 5, lossFraction: 0.02 },
    { repair: 'nack', oneWayMs: 45, playoutDelayMs: 15, lossFraction: 0.02 },
    { repair: 'fec', oneWayMs: 45, playoutDelayMs: 16, lossFraction: 0.02 },
    { repair: 'fec', oneWayMs: 150, playoutDelayMs: 5, lossFraction: 0.02 },
    { repair: 'nack-and-fec', oneWayMs: 10, playoutDelayMs: 5, lossFraction: 0.08 },
    { repair: 'nack-and-fec', oneWayMs: 150, playoutDelayMs: 5, lossFraction: 0.3 },
  ])(
    'is $repair at $oneWayMs ms with $playoutDelayMs ms of variation and a loss of $lossFraction',
    ({ repair, ...conditions }) => {
      expect(chooseRepair(conditions)).toBe(repair);
    },
  );
});
