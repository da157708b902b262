/** One published test message and the credentials that its authors used. */
export interface Vector {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Reads hex with spaces and line breaks, as it is printed in an RFC. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s+/g, ''), 'hex');
}
