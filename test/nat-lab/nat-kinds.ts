/** Kinds of NAT, as rules of the kernel, with what each does by the words of RFC 4787. */

export type Behavior = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

/** Where a NAT stands. Its interfaces are `lan` and `wan`. */
export interface NatPlace {
  /** The one machine behind it. */
  readonly client: string;
  readonly network: string;
  /** Its address on the internet. */
  readonly wanAddress: string;
}

export interface NatKind {
  readonly name: string;
  /** Whether addresses change at all; a firewall alone changes none. */
  readonly translates: boolean;
  readonly mapping: Behavior;
  readonly filtering: Behavior;
  /** For `nft -f`. */
  rules(place: NatPlace): string;
}

/** Drops what nobody inside asked for. On input too: an entry that it made there would take the port from the client. */
const dropUnasked = `
table ip unasked {
  chain input {
    type filter hook input priority filter
    iifname "wan" ct state new drop
  }
  chain forward {
    type filter hook forward priority filter
    iifname "wan" ct state new drop
  }
}`;

/** Every port of the WAN address belongs to the client, both ways. */
const oneToOne = ({ client, network, wanAddress }: NatPlace): string => `
table ip nat {
  chain pre {
    type nat hook prerouting priority dstnat
    iifname "wan" ip daddr ${wanAddress} udp dport 1024-65535 dnat to ${client}
  }
  chain post {
    type nat hook postrouting priority srcnat
    oifname "wan" ip saddr ${network} snat to ${wanAddress}
  }
}`;

const masquerade = ({ network }: NatPlace, how = ''): string => `
table ip nat {
  chain post {
    type nat hook postrouting priority srcnat
    oifname "wan" ip saddr ${network} masquerade ${how}
  }
}`;

/** Lets in who was written to from the port in question, whatever port it answers from. */
const rememberAddresses = `
table ip remember {
  set seen {
    type ipv4_addr . inet_service
    flags dynamic,timeout
    timeout 60s
  }
  chain forward {
    type filter hook forward priority filter; policy drop
    iifname "lan" oifname "wan" meta l4proto udp update @seen { ip daddr . udp sport } accept
    iifname "lan" accept
    ct state established,related accept
    iifname "wan" ip saddr . udp dport @seen accept
  }
}`;

export const natKinds: readonly NatKind[] = [
  {
    name: 'no NAT',
    translates: false,
    mapping: 'endpoint-independent',
    filtering: 'endpoint-independent',
    rules: () => '',
  },
  {
    name: 'a firewall without NAT',
    translates: false,
    mapping: 'endpoint-independent',
    filtering: 'address-and-port-dependent',
    rules: () => dropUnasked,
  },
  {
    name: 'a full cone',
    translates: true,
    mapping: 'endpoint-independent',
    filtering: 'endpoint-independent',
    rules: oneToOne,
  },
  {
    name: 'an address-restricted cone',
    translates: true,
    mapping: 'endpoint-independent',
    filtering: 'address-dependent',
    rules: (place) => oneToOne(place) + rememberAddresses,
  },
  {
    name: 'a port-restricted cone',
    translates: true,
    mapping: 'endpoint-independent',
    filtering: 'address-and-port-dependent',
    rules: (place) => masquerade(place) + dropUnasked,
  },
  {
    name: 'a symmetric NAT',
    translates: true,
    mapping: 'address-and-port-dependent',
    filtering: 'address-and-port-dependent',
    rules: (place) => masquerade(place, 'fully-random') + dropUnasked,
  },
];
