const offset = Number(process.hrtime.bigint()) / 1000 - performance.now() * 1000;

/**
 * Microseconds on the machine's monotonic clock. Every thread and process of one machine reads the same, whichever network
 * namespace it is in, so that one may stamp what another measures.
 */
export function monotonicMicroseconds(): number {
  return offset + performance.now() * 1000;
}
