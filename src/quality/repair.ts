import type { Meaning } from './report.ts';

/** What decoders hide so that hardly anybody hears or sees it. */
const TOLERABLE_LOSS = 0.005;
/** The delay from mouth to ear that nobody notices (ITU-T G.114). */
export const UNNOTICED_DELAY_MS = 150;

/** What the choice of a repair depends on. */
export interface RepairConditions {
  /** From one person to the other, in milliseconds, both of whom have this path. */
  readonly oneWayMs: number;
  readonly playoutDelayMs: number;
  /** 0 to 1. */
  readonly lossFraction: number;
}

/**
 * Chooses how lost packets are best made good.
 *
 * A retransmission (NACK) costs nothing until a packet is lost, but a round trip of the whole call then. It suits where the delay of
 * the call stays below what anybody notices with it. Forward error correction (FEC) costs bandwidth all the time, and no delay to
 * speak of. Where so much is lost that retransmissions are lost as well, neither is enough alone.
 */
export function chooseRepair(conditions: RepairConditions): Meaning['repair'] {
  const { lossFraction } = conditions;
  if (lossFraction < TOLERABLE_LOSS) return 'none-needed';
  if (lossFraction ** 2 >= TOLERABLE_LOSS) return 'nack-and-fec';
  return delayWithRetransmission(conditions) <= UNNOTICED_DELAY_MS ? 'nack' : 'fec';
}

/**
 * How old in milliseconds sound and image are at the far end when every packet is awaited that had to be sent twice: the way of the
 * packet, the way back of the request, the way of the second packet, and the time until it is clear that the first one is not just late.
 */
export function delayWithRetransmission({ oneWayMs, playoutDelayMs }: RepairConditions): number {
  return 3 * oneWayMs + playoutDelayMs;
}
