/** Such as `41 ms`, and `1.2 ms` where tenths count. */
export function inMilliseconds(ms: number): string {
  return `${ms < 9.95 ? ms.toFixed(1) : Math.round(ms).toLocaleString('en-US')} ms`;
}

/** Such as `6.2 s`. */
export function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Such as `4.8 Mbit/s` or `48 kbit/s`. */
export function inBits(bitsPerSecond: number): string {
  if (bitsPerSecond < 99_500) return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
  const megabits = bitsPerSecond / 1e6;
  const digits = megabits < 0.995 ? 2 : megabits < 99.5 ? 1 : 0;
  return `${megabits.toFixed(digits)} Mbit/s`;
}

/** Such as `2.1 %`. What is not nothing does not look like nothing, and what is not all not like all. */
export function inPercent(fraction: number): string {
  if (fraction <= 0) return '0 %';
  if (fraction >= 1) return '100 %';
  return fraction < 0.0005 ? 'below 0.1 %' : `${Math.min(fraction * 100, 99.9).toFixed(1)} %`;
}
