import { type Finding, unknown } from '../finding.ts';
import { firstOfEachSocket, type Sighting } from './sighting.ts';

/** So many sockets would not all come to the same of two addresses by chance. */
const ENOUGH = 10;

/** Whether the sockets of this host leave under several addresses (RFC 4787 §4.1). */
export function findPooling(sightings: readonly Sighting[], elapsedMs: number): Finding<boolean> {
  const addresses = [...new Set(sightings.map(({ mapped }) => mapped.ip.text))];
  const sockets = firstOfEachSocket(sightings).length;
  if (addresses.length > 1) {
    const evidence = `Servers see this host as ${addresses.join(' and ')}.`;
    return { state: 'found', value: true, confidence: 'high', evidence, elapsedMs };
  }
  if (sockets < 2) return unknown('Too few sockets were seen to tell.');
  const evidence = `${sockets} sockets were all seen as ${addresses[0]}.`;
  return { state: 'found', value: false, confidence: sockets >= ENOUGH ? 'high' : 'medium', evidence, elapsedMs };
}
