const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `1.2 MB`; as everywhere here, kB and MB count in thousands. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // What would be rounded to 1000.0 is 1.0 of the next unit.
  while (value >= 999.95 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${bytes} B` : `${value.toFixed(1)} ${byteUnits[unit]}`;
}

/** `1,234,567` */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** How long something has been going on, in its two largest units: `45s`, `12m`, `3h 5m`, `2d 4h`. */
export function formatAge(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return twoUnits(`${days}d`, hours % 24, 'h');
  if (hours > 0) return twoUnits(`${hours}h`, minutes % 60, 'm');
  return minutes > 0 ? `${minutes}m` : `${whole}s`;
}

/** `one allocation`, `3 allocations` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return count === 1 ? `one ${one}` : `${formatCount(count)} ${many}`;
}

function twoUnits(large: string, rest: number, unit: string): string {
  return rest === 0 ? large : `${large} ${rest}${unit}`;
}
