/**
 * Plain data with every `elapsedMs` and `roundTripMs` in it rounded to whole milliseconds, for a report: clocks count finer than
 * networks are steady.
 */
export function wholeMilliseconds<T>(data: T): T {
  return rounded(data) as T;
}

function rounded(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(rounded);
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => {
      const isTime = (key === 'elapsedMs' || key === 'roundTripMs') && typeof value === 'number';
      return [key, isTime ? Math.round(value) : rounded(value)];
    }),
  );
}
