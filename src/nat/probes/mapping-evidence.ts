import { formatTransportAddress, type TransportAddress } from '../../stun/ip-address.ts';
import type { Behavior } from '../behavior.ts';
import { isOfCarrier, isPrivate } from '../private-address.ts';
import { sameEndpoint } from './sighting.ts';

/** How one socket was seen from one endpoint. */
export interface MappingObservation {
  readonly to: TransportAddress;
  readonly mapped: TransportAddress;
}

/**
 * What observations of one socket say about the mapping. `shared`: some addresses see the same, the others see another address.
 */
export type MappingEvidence =
  | { readonly kind: 'found'; readonly behavior: Behavior; readonly addresses: number; readonly shared?: boolean }
  /** Not endpoint-independent; there were no two ports of one address to tell what else it depends on. */
  | { readonly kind: 'address-dependent-or-stricter'; readonly addresses: number; readonly shared?: boolean }
  /** Endpoint-independent or address-dependent: only one address was asked. */
  | { readonly kind: 'address-dependent-or-looser' }
  /** Some addresses see the same, and others another port of the same address, or one within the network: not all can be right. */
  | { readonly kind: 'contradictory' }
  | { readonly kind: 'too-little' };

/** Reads observations of one socket, in any order (RFC 4787 §4.1). */
export function readMapping(observations: readonly MappingObservation[]): MappingEvidence {
  const byAddress = new Map<string, MappingObservation[]>();
  for (const observation of observations) {
    const key = observation.to.ip.text;
    const group = byAddress.get(key);
    if (group === undefined) byAddress.set(key, [observation]);
    else group.push(observation);
  }
  const groups = [...byAddress.values()];
  const addresses = groups.length;
  if (groups.some((group) => !allSame(group))) {
    return { kind: 'found', behavior: 'address-and-port-dependent', addresses };
  }
  const seesTwoPorts = groups.some((group) => new Set(group.map(({ to }) => to.port)).size > 1);
  if (addresses < 2) return { kind: seesTwoPorts ? 'address-dependent-or-looser' : 'too-little' };
  if (allSame(observations)) return { kind: 'found', behavior: 'endpoint-independent', addresses };
  const distinct = new Set(groups.map(([first]) => formatTransportAddress(first!.mapped))).size;
  // Those that see the same may be reached over one uplink, and the others over another one, with another address.
  const outsides = new Set(groups.map(([first]) => first!.mapped.ip.text)).size;
  const shared = distinct < addresses;
  if (shared && (outsides < distinct || isSeenInside(observations))) return { kind: 'contradictory' };
  const found = { addresses, ...(shared && { shared }) };
  if (!seesTwoPorts) return { kind: 'address-dependent-or-stricter', ...found };
  return { kind: 'found', behavior: 'address-dependent', ...found };
}

/** Whether a server stands within the network, and so sees what is of no use to others. */
function isSeenInside(observations: readonly MappingObservation[]): boolean {
  return observations.some(({ mapped: { ip } }) => isPrivate(ip) || isOfCarrier(ip));
}

function allSame([first, ...rest]: readonly MappingObservation[]): boolean {
  return first === undefined || rest.every(({ mapped }) => sameEndpoint(mapped, first.mapped));
}
