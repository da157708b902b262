/** The least length of a shared secret: 128 bits, if its bytes were random. */
export const minimumSecretBytes = 16;
/** The least length of a static user's password, which a person may have to type. */
export const minimumPasswordBytes = 8;

// From documentation, examples and tutorials: whoever scans for open relays tries these first.
const wellKnown = new Set([
  'changeit',
  'changeme',
  'changethis',
  'default',
  'examplesecret',
  'logen',
  'mysecret',
  'north',
  'password',
  'replaceme',
  'replacethis',
  'secret',
  'sharedsecret',
  'somesecret',
  'staticauthsecret',
  'supersecret',
  'taciturn',
  'turnsecret',
  'yoursecret',
  'yoursecrethere',
  'yoursharedsecret',
]);

/**
 * Says why a secret is too weak to start with. The answer never holds the secret.
 *
 * @returns `undefined` when the secret will do.
 */
export function secretFault(secret: string, minimumBytes = minimumSecretBytes): string | undefined {
  if (secret.length === 0) return 'it is empty';
  if (isWellKnown(secret)) return 'it is a well-known example value';
  const bytes = Buffer.byteLength(secret);
  if (bytes < minimumBytes) return `it has ${bytes} bytes, and at least ${minimumBytes} are needed`;
  if (new Set(secret).size === 1) return 'it is one character repeated';
  return undefined;
}

/** `Change-Me`, `changeme123` and `changeme changeme` are all `changeme`. */
function isWellKnown(secret: string): boolean {
  const letters = secret.toLowerCase().replaceAll(/[^a-z]/g, '');
  if (letters.length === 0 || letters.length < secret.length / 2) return false;
  for (const known of wellKnown) {
    if (letters.length % known.length === 0 && known.repeat(letters.length / known.length) === letters) return true;
  }
  return false;
}
