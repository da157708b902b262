/** What coding, packets and a small jitter buffer add to the delay of the network. */
const DEVICE_DELAY_MS = 30;
/** Above this delay people start to talk into each other's sentences. */
const NOTICED_DELAY_MS = 177.3;

/**
 * The mean opinion score of speech, 1 to 4.5, by the E-model (ITU-T G.107) with the simplification of Cole and Rosenbluth for a
 * codec that hides single losses. It is an estimate: nobody has listened.
 *
 * @param oneWayMs from mouth to ear, as far as it is the network's.
 * @param lossFraction 0 to 1.
 */
export function meanOpinionScore(oneWayMs: number, lossFraction: number): number {
  const delay = oneWayMs + DEVICE_DELAY_MS;
  const delayImpairment = 0.024 * delay + 0.11 * Math.max(0, delay - NOTICED_DELAY_MS);
  const lossImpairment = 19.8 * Math.log(1 + 29.7 * lossFraction);
  const rating = 93.2 - delayImpairment - lossImpairment;
  if (rating <= 0) return 1;
  if (rating >= 100) return 4.5;
  // The polynomial dips below 1 for small ratings.
  return Math.max(1, 1 + 0.035 * rating + 7e-6 * rating * (rating - 60) * (100 - rating));
}
