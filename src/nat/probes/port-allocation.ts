import type { PortReport } from '../report.ts';

/** A local port and the one that the NAT chose for it. */
export interface PortPair {
  readonly local: number;
  readonly mapped: number;
}

/** The share of ports that a NAT has to keep to count as preserving them: it cannot keep one that another host has. */
const PRESERVING = 0.9;
/** The largest step that still looks like counting. */
const LARGEST_STEP = 16;
/** The largest span of a block that a carrier NAT gives to one subscriber. */
const LARGEST_BLOCK = 2048;

/**
 * How a NAT chooses ports.
 *
 * @param inOrder of sockets that were opened one after the other, in that order; at least three.
 * @param all of every socket there was.
 * @param given all ports that the NAT has given in the meantime, also several to one socket.
 */
export function readPortAllocation(
  inOrder: readonly PortPair[],
  all: readonly PortPair[],
  given: readonly number[] = [],
): PortReport {
  const kept = all.filter(({ local, mapped }) => local === mapped).length;
  const parityPreserved = all.every(({ local, mapped }) => (local & 1) === (mapped & 1));
  const ports = inOrder.map(({ mapped }) => mapped);
  const span = Math.max(...ports) - Math.min(...ports);
  const step = stepOf(ports, given);
  const report = { parityPreserved, span };
  if (kept >= PRESERVING * all.length)
    return { ...report, allocation: 'preserving', parityPreserved: true, step: null };
  if (step !== undefined) return { ...report, allocation: 'sequential', step };
  return { ...report, allocation: span <= LARGEST_BLOCK ? 'block' : 'random', step: null };
}

/**
 * The step of ports that are counted up or down. Other sockets may come in between, and once the count may start anew, so the step
 * is what all differences between neighbours have in common as a divisor.
 */
function stepOf(ports: readonly number[], given: readonly number[]): number | undefined {
  const differences = ports.slice(1).map((port, i) => port - ports[i]!);
  for (const sign of [1, -1]) {
    const steady = differences.map((d) => sign * d).filter((d) => d > 0 && d <= LARGEST_STEP);
    if (steady.length < 2 || steady.length < differences.length - 1) continue;
    const sorted = [...ports, ...given].toSorted((a, b) => a - b);
    const gaps = sorted.slice(1).map((port, i) => port - sorted[i]!);
    return sign * gaps.filter((gap) => gap > 0 && gap <= LARGEST_STEP).reduce(commonDivisor);
  }
  return undefined;
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
