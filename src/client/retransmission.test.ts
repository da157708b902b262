import { expect, it } from 'vitest';
import { diagnosticRetransmission, retransmissionSchedule, standardRetransmission } from './retransmission.ts';

it('sends at the times that RFC 8489 §6.2.1 gives as its example, and gives up after 39.5 s', () => {
  expect(retransmissionSchedule(standardRetransmission)).toEqual({
    sendsAtMs: [0, 500, 1500, 3500, 7500, 15500, 31500],
    timeoutMs: 39500,
  });
});

it('is over sooner in diagnostics, and slower on a slow path', () => {
  expect(retransmissionSchedule(diagnosticRetransmission())).toEqual({
    sendsAtMs: [0, 250, 750, 1750],
    timeoutMs: 3750,
  });
  expect(diagnosticRetransmission(100).initialTimeoutMs).toBe(250);
  expect(diagnosticRetransmission(400).initialTimeoutMs).toBe(800);
});
