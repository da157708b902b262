import type { VideoRung } from './report.ts';

/** The video that browsers send, best first, each with the bit rate at which it looks as it should. */
export const videoRungs: readonly VideoRung[] = [
  { name: '1080p', bitsPerSecond: 4_000_000 },
  { name: '720p', bitsPerSecond: 2_500_000 },
  { name: '540p', bitsPerSecond: 1_200_000 },
  { name: '360p', bitsPerSecond: 500_000 },
  { name: '270p', bitsPerSecond: 300_000 },
  { name: '180p', bitsPerSecond: 150_000 },
];

/** Sound alone: Opus with its headers. */
export const SOUND_BITS_PER_SECOND = 50_000;

/** The share of the bandwidth that a call may plan with; the rest is for sound, repairs and the ups and downs of the path. */
const USABLE_SHARE = 0.75;

/** Whether a stream of this rate fits through a path of this bandwidth. */
export function fits(bitsPerSecond: number, bandwidthBitsPerSecond: number): boolean {
  return bitsPerSecond <= USABLE_SHARE * bandwidthBitsPerSecond;
}

/** The best video that fits. */
export function bestVideo(bandwidthBitsPerSecond: number): VideoRung | undefined {
  return videoRungs.find(({ bitsPerSecond }) => fits(bitsPerSecond, bandwidthBitsPerSecond));
}
