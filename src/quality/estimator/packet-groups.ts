/** How much later one group of packets was sent, and arrived, than the group before it. */
export interface GroupDelta {
  readonly sendDeltaMs: number;
  readonly arrivalDeltaMs: number;
  /** When the later group had arrived. */
  readonly atMs: number;
}

/** Packets sent within this time are one group (draft-ietf-rmcat-gcc-02 §5.2, `burst_time`). */
const GROUP_MS = 5;
/** However bunched the arrivals, a group does not grow beyond this: libwebrtc's `kMaxBurstDuration`. */
const LONGEST_GROUP_MS = 100;

interface Group {
  readonly firstSentMs: number;
  lastSentMs: number;
  readonly firstArrivalMs: number;
  lastArrivalMs: number;
}

/**
 * Gathers packets into groups by their sending times, so that the unevenness of a pacer and of a network that hands packets on in
 * bursts is not taken for a growing queue (draft-ietf-rmcat-gcc-02 §5.2). Packets are told in the order in which they arrive.
 */
export class PacketGroups {
  #current: Group | undefined;
  #previous: Group | undefined;

  /** Tells of an arrival. Gives the difference between the last two groups when this packet is the first of a third. */
  add(sentAtMs: number, receivedAtMs: number): GroupDelta | undefined {
    const current = this.#current;
    if (current === undefined) {
      this.#current = newGroup(sentAtMs, receivedAtMs);
      return undefined;
    }
    if (sentAtMs < current.firstSentMs) return undefined; // It was overtaken by the group.
    if (belongs(current, sentAtMs, receivedAtMs)) {
      current.lastSentMs = Math.max(current.lastSentMs, sentAtMs);
      current.lastArrivalMs = Math.max(current.lastArrivalMs, receivedAtMs);
      return undefined;
    }
    const previous = this.#previous;
    this.#previous = current;
    this.#current = newGroup(sentAtMs, receivedAtMs);
    if (previous === undefined) return undefined;
    return {
      sendDeltaMs: current.lastSentMs - previous.lastSentMs,
      arrivalDeltaMs: current.lastArrivalMs - previous.lastArrivalMs,
      atMs: current.lastArrivalMs,
    };
  }
}

function newGroup(sentAtMs: number, receivedAtMs: number): Group {
  return {
    firstSentMs: sentAtMs,
    lastSentMs: sentAtMs,
    firstArrivalMs: receivedAtMs,
    lastArrivalMs: receivedAtMs,
  };
}

function belongs(group: Group, sentAtMs: number, receivedAtMs: number): boolean {
  if (sentAtMs - group.firstSentMs <= GROUP_MS) return true;
  // Packets that were held up together and come at once say nothing about the rate of the path.
  const arrivalDeltaMs = receivedAtMs - group.lastArrivalMs;
  return (
    arrivalDeltaMs - (sentAtMs - group.lastSentMs) < 0 &&
    arrivalDeltaMs <= GROUP_MS &&
    receivedAtMs - group.firstArrivalMs < LONGEST_GROUP_MS
  );
}
