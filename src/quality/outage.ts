import type { Silence, Silences } from './packet-ledger.ts';

/** Times in which nothing came through, though packets were sent all the while. */
export interface Outages {
  /** The longest of those that ended again, in milliseconds. */
  readonly longestMs?: number;
  /** The one that did not: when it began, in milliseconds from the beginning of the measurement, and the packets that it took. */
  readonly final?: { readonly afterMs: number; readonly packets: number };
}

/** After so long nobody waits for a lost packet any more: the limit of ITU-T G.114 for the delay of speech. */
const LONG_MS = 400;
/** After such a silence at the end nothing is expected any more. */
const FINAL_MS = 1000;
/** On a path that loses much, fewer packets may be missing by chance; and a sender that was held up has sent no more. */
const FEWEST_PACKETS = 20;

/**
 * Tells outages from loss, which is spread out.
 *
 * @param silences of the stream.
 * @param startedAtMs when the measurement began, by the clock of the silences.
 */
export function outagesOf({ longest, last }: Silences, startedAtMs: number): Outages {
  return {
    ...(longest && lasts(longest, LONG_MS) && { longestMs: longest.toMs - longest.fromMs }),
    ...(last && lasts(last, FINAL_MS) && { final: { afterMs: last.fromMs - startedAtMs, packets: last.packets } }),
  };
}

function lasts({ fromMs, toMs, packets }: Silence, leastMs: number): boolean {
  return packets >= FEWEST_PACKETS && toMs - fromMs >= leastMs;
}
