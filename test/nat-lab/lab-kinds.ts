import { blockingKinds, furtherKinds, type NatKind, natKinds } from './nat-kinds.ts';

/** Every kind of the lab. */
export const labKinds: readonly NatKind[] = [...natKinds, ...furtherKinds, ...blockingKinds];

/** Of which there are two homes each, which are connected to one another and to all others of these. */
export const pairedKinds: readonly NatKind[] = [
  'no NAT',
  'a firewall without NAT',
  'a full cone',
  'an address-restricted cone',
  'a port-restricted cone',
  'a symmetric NAT',
  'an address-dependent mapping',
  'sequential ports',
  'early packets take the port',
  'a carrier NAT behind a home NAT',
  'two uplinks, by destination',
  'IPv6 with a firewall',
  'UDP blocked',
].map((name) => labKinds.find((kind) => kind.name === name)!);
