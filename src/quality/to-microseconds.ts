/** Milliseconds without digits that no clock of ours measures. */
export function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
