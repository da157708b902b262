import { IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';

/** Somewhere in the internet: the system is asked for the way there, and nothing is sent. */
export const anywhere: Readonly<Record<AddressFamily, TransportAddress>> = {
  [AddressFamily.ipv4]: { ip: IpAddress.parse('198.41.0.4')!, port: 9 },
  [AddressFamily.ipv6]: { ip: IpAddress.parse('2001:503:ba3e::2:30')!, port: 9 },
};
