import type { LongTermCredentials } from '../client/long-term-authentication.ts';
import type { ChurnOrder, ChurnReport } from './station-orders.ts';

/**
 * Makes allocations, one after the other in each of several places, for as long as the order says.
 *
 * @param allocate makes an allocation and gives it back; answers with why it could not.
 */
export async function churn(
  order: ChurnOrder,
  allocate: (credentials: LongTermCredentials | undefined) => Promise<string | undefined>,
): Promise<ChurnReport> {
  const { credentials, warmupMs, durationMs, inFlight } = order;
  const measuredFrom = performance.now() + warmupMs;
  const endAt = measuredFrom + durationMs;
  let [number, allocations, failures] = [0, 0, 0];
  let failure: string | undefined;
  const place = async () => {
    while (performance.now() < endAt) {
      const refused = await allocate(credentials[number++ % credentials.length]);
      const now = performance.now();
      if (now < measuredFrom || now >= endAt) continue;
      if (refused === undefined) {
        allocations++;
      } else {
        failures++;
        failure = refused;
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, place));
  return { allocations, failures, failure, elapsedMs: durationMs };
}
