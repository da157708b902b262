const durationUnits = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

const sizeUnits = new Map([
  ['', 1],
  ['b', 1],
  ['kb', 1e3],
  ['mb', 1e6],
  ['gb', 1e9],
  ['kib', 2 ** 10],
  ['mib', 2 ** 20],
  ['gib', 2 ** 30],
]);

const bitRateUnits = new Map([
  ['', 1],
  ['k', 1e3],
  ['m', 1e6],
  ['g', 1e9],
]);

/**
 * Reads a duration such as `500ms`, `30s`, `10m`, `1h` or `1d`. A number without a unit is seconds.
 *
 * @returns whole milliseconds, or `undefined` when it is no duration.
 */
export function parseDurationMilliseconds(value: unknown): number | undefined {
  if (typeof value === 'number') return toWhole(value * 1000);
  if (typeof value !== 'string') return undefined;
  const match = /^(\d{1,12}(?:\.\d{1,6})?) ?(ms|s|m|h|d)?$/.exec(value.trim());
  return match ? toWhole(Number(match[1]) * durationUnits.get(match[2] ?? 's')!) : undefined;
}

/**
 * Reads a size such as `1500`, `64KiB` or `12.5MB` (kB, MB, GB count in thousands; KiB, MiB, GiB in 1024s).
 *
 * @returns whole bytes, or `undefined` when it is no size.
 */
export function parseByteSize(value: unknown): number | undefined {
  if (typeof value === 'number') return toWhole(value);
  if (typeof value !== 'string') return undefined;
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?([kmg]?i?b)?$/i.exec(value.trim());
  const unit = match && sizeUnits.get((match[2] ?? '').toLowerCase());
  return match && unit ? toWhole(Number(match[1]) * unit) : undefined;
}

/**
 * Reads a bit rate such as `500kbps`, `2Mbps` or `2.5 Mbit/s`. The unit is never left out, and a capital B, which means bytes
 * to many, is none.
 *
 * @returns whole bits a second, or `undefined` when it is no bit rate.
 */
export function parseBitsPerSecond(text: string): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,6})?) ?([kKmMgG]?)(?:bps|bit\/s)$/.exec(text.trim());
  return match ? toWhole(Number(match[1]) * bitRateUnits.get(match[2]!.toLowerCase())!) : undefined;
}

/**
 * Reads a percentage such as `1%` or `0.5 %`.
 *
 * @returns a fraction from 0 to 1, or `undefined` when it is no percentage.
 */
export function parsePercentage(text: string): number | undefined {
  const match = /^(\d{1,3}(?:\.\d{1,6})?) ?%$/.exec(text.trim());
  const percent = match ? Number(match[1]) : Number.NaN;
  return percent <= 100 ? percent / 100 : undefined;
}

/** `90000` → `90s`, in the largest unit that leaves a whole number. */
export function formatDuration(milliseconds: number): string {
  for (const [unit, length] of [...durationUnits].reverse()) {
    if (milliseconds >= length && milliseconds % length === 0) return `${milliseconds / length}${unit}`;
  }
  return `${milliseconds}ms`;
}

function toWhole(value: number): number | undefined {
  // 1.1 * 1000 is 1100.0000000000002: within a millionth it is the whole number that was meant.
  const whole = Math.round(value);
  return whole >= 0 && Number.isSafeInteger(whole) && Math.abs(value - whole) < 1e-6 ? whole : undefined;
}
