/** What `performance.now()` lacks to the clock of the machine. An interruption between the two readings makes it too small. */
const offset = Math.max(
  ...Array.from({ length: 20 }, () => Number(process.hrtime.bigint()) / 1000 - performance.now() * 1000),
);

/**
 * Microseconds on the machine's monotonic clock. Every thread and process of one machine reads the same, whichever network
 * namespace it is in, so that one may stamp what another measures.
 */
export function monotonicMicroseconds(): number {
  return offset + performance.now() * 1000;
}
