import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import type { Configuration } from '../config/settings.ts';
import { IpAddress, isLoopback, sameAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import { askStun } from './ask-stun.ts';
import type { Choice } from './relay-addresses.ts';

/** Documentation addresses: a route to them is the route to the internet, and nothing is ever sent there. */
const FAR_AWAY = { ipv4: '203.0.113.1', ipv6: '2001:db8::1' } as const;

/** Every address of this machine but link-local ones, which mean nothing without their interface. */
export function localAddresses(): readonly IpAddress[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address }) => !isLinkLocal(address))
    .map(({ address }) => IpAddress.parse(address)!);
}

/** Means nothing without its interface. */
function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address);
}

/** The addresses to listen on that a relay can have as well: all of this machine, or those that were given. */
function relayCandidates(configuration: Configuration): readonly IpAddress[] {
  const { addresses } = configuration.listen;
  if (addresses === 'auto') return localAddresses();
  return addresses.filter((text) => !isLinkLocal(text)).map((text) => IpAddress.parse(text)!);
}

/**
 * The address on which relay sockets of this family are opened; a sentence when there is none.
 * Asked for `auto`, it is the one from which this machine reaches the internet.
 */
export async function chooseRelayAddress(
  configuration: Configuration,
  family: 'ipv4' | 'ipv6',
): Promise<Choice | string> {
  const asked = configuration.relay[family].address;
  const wanted = AddressFamily[family];
  if (asked.kind === 'none') return 'switched off in the configuration';
  if (asked.kind === 'address') return { ip: IpAddress.parse(asked.address)!, why: 'as configured' };
  const candidates = relayCandidates(configuration).filter((ip) => ip.family === wanted);
  if (candidates.length === 0) return 'no address of this family to listen on';
  const outgoing = await outgoingAddress(family);
  if (outgoing !== undefined && candidates.some((ip) => sameAddress(ip, outgoing))) {
    return { ip: outgoing, why: 'the address from which this machine reaches the internet' };
  }
  const beyond = candidates.find((ip) => !isLoopback(ip));
  if (beyond !== undefined) return { ip: beyond, why: 'the first address listened on that is not loopback' };
  return { ip: candidates[0]!, why: 'there is only loopback: nobody but this machine will reach it' };
}

/** What clients are told instead of the relay address; a sentence when it cannot be found. */
export async function chooseExternalAddress(
  configuration: Configuration,
  family: 'ipv4' | 'ipv6',
  relay: IpAddress,
): Promise<Choice | string> {
  const asked = configuration.relay[family].external;
  switch (asked.kind) {
    case 'same':
      return { ip: relay, why: 'the relay address itself' };
    case 'address':
      return { ip: IpAddress.parse(asked.address)!, why: 'as configured' };
    case 'stun':
      return askStun(relay, configuration.relay.external.stunServers);
    case 'hostname':
      return resolve(asked.hostname, family);
  }
}

async function resolve(hostname: string, family: 'ipv4' | 'ipv6'): Promise<Choice | string> {
  try {
    const { address } = await lookup(hostname, { family: family === 'ipv4' ? 4 : 6 });
    return { ip: IpAddress.parse(address)!, why: `what ${hostname} resolves to` };
  } catch (error) {
    return `${hostname} does not resolve to an address of this family (${(error as NodeJS.ErrnoException).code})`;
  }
}

/** The address that the system would send from; connecting a UDP socket asks the routing table and sends nothing. */
function outgoingAddress(family: 'ipv4' | 'ipv6'): Promise<IpAddress | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(family === 'ipv4' ? 'udp4' : 'udp6');
    const done = (ip: IpAddress | undefined) => {
      socket.close();
      resolve(ip);
    };
    socket.on('error', () => done(undefined));
    socket.connect(9, FAR_AWAY[family], () => done(IpAddress.parse(socket.address().address)));
  });
}
