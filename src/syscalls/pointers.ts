const HALF = 2 ** 32;

/** Writes an address as the 64-bit number that it is. */
export function writePointer(view: DataView, at: number, address: number): void {
  view.setUint32(at, address >>> 0, true);
  view.setUint32(at + 4, address / HALF, true);
}
