/**
 * Key, user and label as one text whose order, byte by byte, is that of the three one after the other. Between them is U+0000,
 * so in them it is written differently, and what that is written with as well.
 */
export function usageTuple(key: string, user: string, label: string): string {
  return [key, user, label].map(withoutNull).join('\0');
}

/** The beginning of all tuples of a key. */
export function tuplesOfKey(key: string): string {
  return `${withoutNull(key)}\0`;
}

export function readUsageTuple(tuple: string): { key: string; user: string; label: string } {
  const [key = '', user = '', label = ''] = tuple.split('\0').map(plainText);
  return { key, user, label };
}

function withoutNull(text: string): string {
  return text.replaceAll('\x01', '\x01\x02').replaceAll('\0', '\x01\x01');
}

function plainText(text: string): string {
  return text.replaceAll('\x01\x01', '\0').replaceAll('\x01\x02', '\x01');
}
