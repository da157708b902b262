/** Connections between homes, as they really come about. */
import type { Family, Puncher } from './puncher.ts';

/** How much later than the first side the second begins, in each try; below zero the other way round. */
const delaysMs = [0, 40, -40] as const;
const PUNCHING_MS = 2500;

/** `sometimes`: some tries came through and some did not. */
export type Outcome = 'direct' | 'sometimes' | 'none';

/** Whether two homes connect directly over one of the families that both have. */
export async function connect(a: Puncher, b: Puncher): Promise<Outcome> {
  const outcomes = await Promise.all((['ipv4', 'ipv6'] as const).map((family) => connectOver(family, a, b)));
  return (['direct', 'sometimes', 'none'] as const).find((outcome) => outcomes.includes(outcome))!;
}

async function connectOver(family: Family, a: Puncher, b: Puncher): Promise<Outcome> {
  const tries: boolean[] = [];
  // One after the other: some NATs let in whoever somebody behind them has talked to.
  for (const delayMs of delaysMs) tries.push(await tryOnce(family, a, b, delayMs));
  if (tries.every(Boolean)) return 'direct';
  return tries.some(Boolean) ? 'sometimes' : 'none';
}

async function tryOnce(family: Family, a: Puncher, b: Puncher, delayMs: number): Promise<boolean> {
  const id = `${family} ${a.home.seenAddress} ${b.home.seenAddress} ${delayMs}`;
  const [addressA, addressB] = await Promise.all([a.open(id, family), b.open(id, family)]);
  // Without an address of its own a side has nothing to tell the other.
  if (addressA === null || addressB === null) return false;
  const late = (isLate: boolean) => new Promise((resolve) => setTimeout(resolve, isLate ? Math.abs(delayMs) : 0));
  const worked = await Promise.all([
    late(delayMs < 0).then(() => a.punch(id, addressB, PUNCHING_MS)),
    late(delayMs > 0).then(() => b.punch(id, addressA, PUNCHING_MS)),
  ]);
  return worked.every(Boolean);
}
