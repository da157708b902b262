/** What it means that a server relays to where it should not, and how to close that. */
import type { Advice } from '../ladder/advice.ts';
import type { IpAddress } from '../stun/ip-address.ts';
import { type AddressClass, blockOf, formatRange } from './address-class.ts';
import type { Disguise } from './disguise.ts';
import type { AttemptOutcome } from './peer-attempt.ts';

interface Target {
  readonly subject: 'forbidden-peer' | 'forbidden-tcp-peer';
  readonly ip: IpAddress;
  readonly addressClass: AddressClass;
}

/** What every user of the relay can then do. */
const harms: Readonly<Record<AddressClass, string>> = {
  unspecified: 'reaches what the server keeps to its own machine, such as databases, resolvers and admin pages',
  loopback: 'reaches what the server keeps to its own machine, such as databases, resolvers and admin pages',
  metadata: 'can ask the cloud for the keys and secrets of the server, as if it were the server',
  'link-local': 'reaches the neighbours of the server on its own network',
  private: 'is as good as inside the private network of the server',
  shared: 'reaches the network between the server and its carrier, cloud or VPN',
  multicast: 'can have one packet sent to many machines near the server',
  transition: 'can reach the IPv4 address that is hidden in it',
  reserved: 'reaches an address that no peer in the Internet has',
  public: 'reaches an address that was named as closed to strangers',
};

/** Packets got through. */
export function adviseOnReach(target: Target, { peer, disguise, arrivedBy }: AttemptOutcome): Advice {
  const what = target.subject === 'forbidden-peer' ? 'packets' : 'TCP connections';
  const written = disguise === 'none' ? '' : `, written as ${peer.ip.text}`;
  const unasked = arrivedBy.includes('unasked') ? ' Not even a permission is needed.' : '';
  return {
    code: `relays_to_${codeOf(target.addressClass)}`,
    cause: `The server relays ${what} to ${nameOf(target)}${written}: whoever may use the relay ${harms[target.addressClass]}.${unasked}`,
    fix: closing(target, disguise),
  };
}

/** A permission was given where no peer can be, and nothing arrived here. */
export function adviseOnPermission(target: Target, { peer, disguise }: AttemptOutcome): Advice {
  const written = disguise === 'none' ? '' : `, written as ${peer.ip.text}`;
  return {
    code: `permits_${codeOf(target.addressClass)}`,
    cause: `The server lets a client send to ${nameOf(target)}${written}, where no peer can be. Nothing arrived at this host, but what is meant is the server's own: whoever may use the relay probably ${harms[target.addressClass]}.`,
    fix: `${closing(target, disguise)} To be sure, run this on the machine of the server.`,
  };
}

/** A permission was given, nothing arrived, and the server may have no way to this host. */
export function adviseOnSilence(target: Target): Advice {
  return {
    code: 'cannot_tell',
    cause: `The server gives a permission for ${nameOf(target)}, but nothing arrived at this host. Either it drops such packets later, or it has no way here, or the address is another machine's in its network.`,
    fix: 'Run this on the machine of the server, or on one of its network.',
  };
}

/** It was not tried, or came to nothing. */
export function adviseOnUntried(target: Target, why: string): Advice {
  return {
    code: 'not_tried',
    cause: `Whether the server relays to ${nameOf(target)} was not found out: ${why}.`,
    fix: 'If a step of the check fails too, mend that first. If all pass, the server probably has no relay of this kind, and nothing is amiss.',
  };
}

function closing({ ip, addressClass }: Target, disguise: Disguise): string {
  const block = blockOf(ip);
  const range = block ? formatRange(block) : ip.text;
  const taciturn = block
    ? `taciturn denies ${range} unless relay.peers.allow opens it: take that out.`
    : `In taciturn, add ${range} to relay.peers.deny.`;
  const loopback = addressClass === 'loopback' ? 'leave allow-loopback-peers out, and ' : '';
  const version =
    disguise === 'none'
      ? ''
      : ' Versions of it before 4.5.2 do not see through other ways of writing an address: update.';
  return `${taciturn} With coturn, ${loopback}set denied-peer-ip=${range}.${version} Elsewhere, have a firewall drop what the server sends there.`;
}

function nameOf({ ip, addressClass }: Target): string {
  return addressClass === 'public' ? ip.text : `${ip.text} (${nouns[addressClass]})`;
}

const nouns: Readonly<Record<Exclude<AddressClass, 'public'>, string>> = {
  unspecified: 'this host',
  loopback: 'loopback',
  metadata: 'the metadata service of a cloud',
  'link-local': 'link-local',
  private: 'a private network',
  shared: 'a shared network',
  multicast: 'multicast',
  transition: 'an IPv4 address in disguise',
  reserved: 'a reserved range',
};

function codeOf(addressClass: AddressClass): string {
  return addressClass.replaceAll('-', '_');
}
