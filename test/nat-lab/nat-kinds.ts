/** Kinds of NAT, with what each does by the words of RFC 4787. */
import type { Behavior } from '../../src/nat/behavior.ts';
import type { NatPlace } from './nat-rules.ts';
import * as rule from './nat-rules.ts';

export interface NatKind {
  readonly name: string;
  /** Whether addresses change at all; a firewall alone changes none. */
  readonly translates: boolean;
  readonly mapping: Behavior;
  readonly filtering: Behavior;
  /** For `nft -f`. */
  rules(place: NatPlace): string;
  /** The rules of a carrier's NAT between this one and the internet. */
  carrierRules?(place: NatPlace): string;
  /** Whether there is a second uplink, with another address. */
  readonly twoUplinks?: boolean;
  /** Whether there is IPv6, routed as it is. */
  readonly ipv6?: boolean;
  /** Settings of the kernel below `/proc/sys/net`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Whether the router tells its outer address by NAT-PMP. */
  readonly natPmp?: boolean;
  /** What to ask of a diagnosis, such as `--lifetime`. */
  readonly diagnoseOptions?: readonly string[];
}

/** Those which even old programs know. */
export const natKinds: readonly NatKind[] = [
  {
    name: 'no NAT',
    translates: false,
    mapping: 'endpoint-independent',
    filtering: 'endpoint-independent',
    ipv6: true,
    rules: () => '',
  },
  {
    name: 'a firewall without NAT',
    translates: false,
    mapping: 'endpoint-independent',
    filtering: 'address-and-port-dependent',
    rules: () => rule.dropUnasked,
  },
  {
    name: 'a full cone',
    translates: true,
    mapping: 'endpoint-independent',
    filtering: 'endpoint-independent',
    rules: rule.oneToOne,
  },
  {
    name: 'an address-restricted cone',
    translates: true,
    mapping: 'endpoint-independent',
    filtering: 'address-dependent',
    rules: (place) => rule.oneToOne(place) + rule.rememberAddresses,
  },
  {
    name: 'a port-restricted cone',
    translates: true,
    mapping: 'endpoint-independent',
    filtering: 'address-and-port-dependent',
    natPmp: true,
    rules: (place) => rule.masquerade(place) + rule.dropUnasked,
  },
  {
    name: 'a symmetric NAT',
    translates: true,
    mapping: 'address-and-port-dependent',
    filtering: 'address-and-port-dependent',
    rules: (place) => rule.masquerade(place, 'fully-random') + rule.dropUnasked,
  },
];

const portRestricted = {
  translates: true,
  mapping: 'endpoint-independent',
  filtering: 'address-and-port-dependent',
  rules: (place: NatPlace) => rule.masquerade(place) + rule.dropUnasked,
} as const;

/** Those with something that makes a difference to a diagnosis. */
export const furtherKinds: readonly NatKind[] = [
  {
    ...portRestricted,
    name: 'an address-dependent mapping',
    mapping: 'address-dependent',
    rules: (place) => rule.portsByDestinationAddress(place) + rule.dropUnasked,
  },
  {
    ...portRestricted,
    name: 'sequential ports',
    mapping: 'address-and-port-dependent',
    rules: (place) => rule.nextPort(place) + rule.dropUnasked,
  },
  {
    ...portRestricted,
    name: 'a cone with random ports',
    rules: (place) => rule.masquerade(place, 'to :2000-30000') + rule.dropUnasked,
  },
  // What comes too early makes an entry that takes the port from the client.
  { ...portRestricted, name: 'early packets take the port', rules: rule.masquerade },
  {
    ...portRestricted,
    name: 'hairpinning',
    filtering: 'endpoint-independent',
    diagnoseOptions: ['--hairpin'],
    rules: rule.oneToOneWithHairpin,
  },
  {
    ...portRestricted,
    name: 'a carrier NAT behind a home NAT',
    natPmp: true,
    carrierRules: (place) => rule.masquerade(place, 'to :40000-41023') + rule.dropUnasked,
  },
  {
    ...portRestricted,
    name: 'a symmetric carrier NAT behind a full cone',
    mapping: 'address-and-port-dependent',
    rules: rule.oneToOne,
    carrierRules: (place) => rule.masquerade(place, 'fully-random') + rule.dropUnasked,
  },
  {
    ...portRestricted,
    name: 'two uplinks, by local port',
    twoUplinks: true,
    rules: (place) => rule.secondUplink('udp sport & 1 == 1') + rule.masquerade(place) + rule.dropUnasked,
  },
  {
    ...portRestricted,
    name: 'two uplinks, by destination',
    mapping: 'address-dependent',
    twoUplinks: true,
    // One half of the servers, and all homes.
    rules: (place) =>
      rule.secondUplink('ip daddr & 0.0.1.1 { 0.0.1.1, 0.0.0.0 }') + rule.masquerade(place) + rule.dropUnasked,
  },
  {
    ...portRestricted,
    name: 'fragments dropped',
    rules: (place) => portRestricted.rules(place) + rule.dropFragments,
  },
  {
    ...portRestricted,
    name: 'short timers',
    diagnoseOptions: ['--lifetime', '--hairpin'],
    settings: { 'netfilter/nf_conntrack_udp_timeout': '5', 'netfilter/nf_conntrack_udp_timeout_stream': '5' },
  },
  {
    ...portRestricted,
    name: '5 % loss',
    rules: (place) => portRestricted.rules(place) + rule.refuse('meta l4proto udp numgen random mod 100 < 5 drop'),
  },
  {
    ...portRestricted,
    name: 'IPv6 with a firewall',
    ipv6: true,
    rules: (place) => portRestricted.rules(place) + rule.dropUnasked6,
  },
];

/** Those that let no UDP through. */
export const blockingKinds: readonly NatKind[] = [
  {
    ...portRestricted,
    name: 'UDP blocked',
    rules: (place) => portRestricted.rules(place) + rule.refuse('meta l4proto udp drop'),
  },
  {
    ...portRestricted,
    name: 'UDP rejected',
    settings: { 'ipv4/icmp_ratelimit': '0' },
    rules: (place) => portRestricted.rules(place) + rule.refuse('meta l4proto udp reject'),
  },
  // As it comes: the kernel says so to each host once a second.
  {
    ...portRestricted,
    name: 'UDP rejected now and then',
    rules: (place) => portRestricted.rules(place) + rule.refuse('meta l4proto udp reject'),
  },
  {
    ...portRestricted,
    name: 'only 443/TCP',
    rules: (place) =>
      portRestricted.rules(place) +
      rule.refuse('ct state new meta l4proto != tcp drop', 'ct state new tcp dport != 443 drop'),
  },
];
