import { randomBytes } from 'node:crypto';
import { type RevocableCredential, Revocations } from '../../src/access/revocations.ts';
import { ApiKeys } from '../../src/credentials/api-keys.ts';
import { unixSeconds } from '../../src/turn/time.ts';
import { spread } from './results.ts';
import { type Filling, makeKeys, makeRevocations, someUsername } from './store-filling.ts';

const LOOK_UPS = 100_000;
/** The median of so many, since the first ones compile. */
const RUNS = 7;

/**
 * What checking a key and looking for a revocation takes, without HTTP: the µs of processor time of each, of keys in random order and
 * of credentials that are not revoked, for which all is looked through.
 */
export async function measureLookUps({ keys, revocations }: Filling): Promise<Record<string, number>> {
  return { ...timeOfKeys(keys), ...timeOfRevocations(revocations) };
}

function timeOfKeys(count: number): Record<string, number> {
  const made = makeKeys(count);
  const known = new ApiKeys(made.map(({ stored }) => stored));
  const texts = made.map(({ text }) => text);
  const verify = (presented: string) => {
    if (known.verify(presented) === undefined) throw new Error('a right key was refused');
  };
  return {
    verify: timeOf(presentations(texts), verify),
    // The same ones again and again: these stay in the processor's cache, however many there are.
    verifyHot: timeOf(presentations(texts.slice(0, 100)), verify),
  };
}

function timeOfRevocations(count: number): Record<string, number> {
  const now = unixSeconds(Math.floor(Date.now() / 1000));
  const table = new Revocations(1_100_000, randomBytes);
  for (const revocation of makeRevocations(count)) table.add(revocation, now);
  const asked = Array.from({ length: LOOK_UPS }, (_, i): RevocableCredential => {
    const user = `user-${i}`;
    return { username: someUsername(user, now), user, issuer: 'a-key-id-123' };
  });
  const isRevoked = (credential: RevocableCredential) => {
    if (table.isRevoked(credential, now)) throw new Error('a credential counts as revoked that is not');
  };
  return { isRevoked: timeOf(() => asked, isRevoked) };
}

/** Random ones of these texts, each a new string as it is when it has come in a request. */
function presentations(texts: readonly string[]): () => readonly string[] {
  // One after the other in one buffer, so that getting at them costs the same however many they are.
  const bytes = Buffer.from(
    Array.from({ length: LOOK_UPS }, () => texts[Math.floor(Math.random() * texts.length)]!).join(''),
    'latin1',
  );
  const length = texts[0]!.length;
  return () => Array.from({ length: LOOK_UPS }, (_, i) => bytes.toString('latin1', i * length, (i + 1) * length));
}

function timeOf<T>(asked: () => readonly T[], lookUp: (one: T) => void): number {
  const runs = Array.from({ length: RUNS }, () => {
    const all = asked();
    // Processor time, since others may want the processor as well.
    const before = process.cpuUsage();
    for (const one of all) lookUp(one);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / LOOK_UPS;
  });
  return spread(runs)!.median;
}
