import { formatTransportAddress } from '../../stun/ip-address.ts';
import { type Finding, notTested, unknown } from '../finding.ts';
import { type Sighting, sameEndpoint } from './sighting.ts';

/**
 * Whether a gateway rewrites addresses inside of packets: it knows MAPPED-ADDRESS by its bytes and leaves the masked
 * XOR-MAPPED-ADDRESS alone (RFC 8489 §14.2).
 */
export function findRewriting(sightings: readonly Sighting[], elapsedMs: number): Finding<boolean> {
  const both = sightings.flatMap((s) => (s.plainMapped ? [{ ...s, plainMapped: s.plainMapped }] : []));
  if (both.length === 0) return notTested('No server sends MAPPED-ADDRESS besides XOR-MAPPED-ADDRESS.');
  const changed = both.filter(({ mapped, plainMapped }) => !sameEndpoint(mapped, plainMapped));
  const [example] = changed;
  if (example === undefined) {
    const evidence = `MAPPED-ADDRESS and XOR-MAPPED-ADDRESS were the same in ${both.length} answers.`;
    return { state: 'found', value: false, confidence: both.length > 1 ? 'high' : 'medium', evidence, elapsedMs };
  }
  const evidence = `An answer says ${formatTransportAddress(example.plainMapped)} in MAPPED-ADDRESS and ${formatTransportAddress(example.mapped)} in XOR-MAPPED-ADDRESS.`;
  // Only something that sees both addresses can have put the local one there.
  if (changed.some(({ local, plainMapped }) => sameEndpoint(local, plainMapped))) {
    return { state: 'found', value: true, confidence: 'high', evidence, elapsedMs };
  }
  const byServer = (list: readonly Sighting[]) => new Set(list.map(({ to }) => to.ip.text));
  if (changed.length === both.length && byServer(both).size > 1) {
    return { state: 'found', value: true, confidence: 'medium', evidence, elapsedMs };
  }
  return unknown(`${evidence} That may as well be a mistake of the server.`);
}
