import type { Outages } from './outage.ts';
import { delayOfCall, playoutDelay } from './playout-delay.ts';
import { inBits, inMilliseconds, inPercent, inSeconds } from './quantities.ts';
import { chooseRepair, delayWithRetransmission, type RepairConditions, UNNOTICED_DELAY_MS } from './repair.ts';
import type { Bandwidth, Meaning, QualityReport } from './report.ts';
import { describeSpeech } from './speech.ts';
import { bestVideo, fits, SOUND_BITS_PER_SECOND, videoRungs } from './video-rungs.ts';

/** From so many packets lost in a row on, they are called a burst. */
const BURST = 5;

type Figures = Pick<QualityReport, 'packets' | 'roundTripMs' | 'bandwidth' | 'silentAfterMs'>;

/** Says what the figures mean for a call between two people who both have this path. */
export function meaningOf(
  { packets, roundTripMs, bandwidth, silentAfterMs }: Figures,
  { longestMs, final }: Outages = {},
): Meaning {
  if (packets.received === 0) {
    const sentence =
      packets.sent === 0
        ? 'The measurement was ended before anything was measured.'
        : silentAfterMs === undefined
          ? 'Nothing that was sent through the relay came back: no call is possible this way.'
          : endSentence(silentAfterMs);
    return { video: undefined, playoutDelayMs: 0, repair: 'none-needed', sentences: [sentence] };
  }
  const playoutDelayMs = playoutDelay(roundTripMs);
  // Up the path of one person and down the like of it to the other is as far as to the relay and back.
  // What is sent to a relay that is gone no repair makes good.
  const { sent, lost } = packets;
  const lossFraction = final ? (lost - final.packets) / (sent - final.packets) : packets.lossFraction;
  const conditions = { oneWayMs: roundTripMs.p50, playoutDelayMs, lossFraction };
  const repair = chooseRepair(conditions);
  return {
    video: bestVideo(bandwidth.bitsPerSecond),
    playoutDelayMs,
    repair,
    sentences: [
      ...(silentAfterMs === undefined ? [] : [`${endSentence(silentAfterMs)} What follows is about the time before.`]),
      videoSentence(bandwidth),
      describeSpeech({ networkMs: roundTripMs.p50, playedMs: delayOfCall(roundTripMs) }, lossFraction),
      repairSentence(repair, conditions),
      ...(longestMs === undefined ? [] : [outageSentence(longestMs)]),
      ...(longestMs === undefined && !final && packets.longestBurst >= BURST
        ? [burstSentence(packets.longestBurst)]
        : []),
      playoutSentence(playoutDelayMs),
    ],
  };
}

function videoSentence({ bitsPerSecond, limitedBy }: Bandwidth): string {
  const more = mayFit[limitedBy];
  const video = bestVideo(bitsPerSecond);
  if (video) {
    const reserve = 'with a quarter of the bandwidth in reserve for sound, repairs and worse moments';
    return `Video fits up to ${video.name} (${inBits(video.bitsPerSecond)}), ${reserve}.${video === videoRungs[0] ? '' : more}`;
  }
  const { name, bitsPerSecond: least } = videoRungs.at(-1)!;
  const sound = fits(SOUND_BITS_PER_SECOND, bitsPerSecond) ? 'sound alone fits' : 'sound alone does not fit either';
  return `No video fits: ${name}, the smallest, takes ${inBits(least)} and a third more in reserve; ${sound}.${more}`;
}

/** Whether there may be more bandwidth than was found. */
const mayFit: Readonly<Record<Bandwidth['limitedBy'], string>> = {
  delay: '',
  loss: '',
  asked: ' More may fit: no more was tried.',
  time: ' More may fit: there was no time to find out.',
};

function repairSentence(repair: Meaning['repair'], conditions: RepairConditions): string {
  const { lossFraction, oneWayMs } = conditions;
  const resent = `a packet sent again arrives after ${inMilliseconds(delayWithRetransmission(conditions))}`;
  const unnoticed = `${inMilliseconds(UNNOTICED_DELAY_MS)} that nobody notices`;
  switch (repair) {
    case 'none-needed':
      return lossFraction === 0
        ? 'No packet was lost: nothing has to be made good.'
        : 'So few packets are lost that nothing has to be done about it.';
    case 'nack':
      return `Lost packets are best sent again (NACK): the round trip is so short that ${resent}, within the ${unnoticed}.`;
    case 'fec':
      return `Lost packets are best made good by forward error correction (FEC): the round trip of a call is ${inMilliseconds(2 * oneWayMs)}, so ${resent}, beyond the ${unnoticed}.`;
    case 'nack-and-fec':
      return `So many packets are lost (${inPercent(lossFraction)}) that those sent again are lost too: it takes retransmission (NACK) and forward error correction (FEC) together.`;
  }
}

function endSentence(silentAfterMs: number): string {
  return `After ${inSeconds(silentAfterMs)} nothing came through any more: the relay, or the way to it, has failed, and a call would have ended.`;
}

function outageSentence(longestMs: number): string {
  return `For ${inSeconds(longestMs)} nothing came through at all: no repair bridges that, and a call would have stood still.`;
}

function burstSentence(longestBurst: number): string {
  return `Up to ${longestBurst} packets in a row are lost: forward error correction has to spread over more than that.`;
}

function playoutSentence(playoutDelayMs: number): string {
  return playoutDelayMs < 1
    ? 'Packets come evenly: a jitter buffer has nothing to even out.'
    : `A jitter buffer has to hold back packets for ${inMilliseconds(playoutDelayMs)}, so that 99 % come in time.`;
}
