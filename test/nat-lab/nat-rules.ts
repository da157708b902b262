/** What NATs and firewalls do, as rules of the kernel; for `nft -f`. */

/** Where a NAT stands. Its interfaces are `lan` and `wan`, and `wan2` where it has two uplinks. */
export interface NatPlace {
  /** The one machine behind it. */
  readonly client: string;
  readonly network: string;
  /** Its address on the internet. */
  readonly wanAddress: string;
}

/** Drops what nobody inside asked for. On input too: an entry that it made there would take the port from the client. */
export const dropUnasked = `
table ip unasked {
  chain input {
    type filter hook input priority filter
    iifname "wan*" ct state new drop
  }
  chain forward {
    type filter hook forward priority filter
    iifname "wan*" ct state new drop
  }
}`;

/** The same for IPv6, where nothing is translated. */
export const dropUnasked6 = `
table ip6 unasked {
  chain forward {
    type filter hook forward priority filter
    iifname "wan" ct state new drop
  }
}`;

/** Every port of the WAN address belongs to the client, both ways. */
export const oneToOne = ({ client, network, wanAddress }: NatPlace): string => `
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

/** As {@link oneToOne}, also for what the client itself sends to the WAN address; it then seems to come from there. */
export const oneToOneWithHairpin = ({ client, network, wanAddress }: NatPlace): string => `
table ip nat {
  chain pre {
    type nat hook prerouting priority dstnat
    ip daddr ${wanAddress} udp dport 1024-65535 dnat to ${client}
  }
  chain post {
    type nat hook postrouting priority srcnat
    oifname "wan" ip saddr ${network} snat to ${wanAddress}
    oifname "lan" ip saddr ${network} ip daddr ${network} snat to ${wanAddress}
  }
}`;

/**
 * Gives each local port one outside, if it can the same.
 *
 * @param how of UDP: such as `fully-random`, which chooses a port for every connection, or `to :2000-3000`
 */
export const masquerade = ({ network }: NatPlace, how = ''): string => `
table ip nat {
  chain post {
    type nat hook postrouting priority srcnat
    oifname "wan*" ip saddr ${network} meta l4proto udp masquerade ${how}
    oifname "wan*" ip saddr ${network} masquerade
  }
}`;

/**
 * UDP ports from a range of its own for every address that is written to. They are told apart by five bits, one of which says
 * whether it is a server's or a home's.
 */
export const portsByDestinationAddress = ({ network, wanAddress }: NatPlace): string => `
table ip nat {
  chain post {
    type nat hook postrouting priority srcnat
${Array.from({ length: 32 }, (_, n) => {
  const [bits, ports] = [`0.0.${n >> 4}.${n & 15}`, `${2000 + 900 * n}-${2899 + 900 * n}`];
  return `    oifname "wan" ip saddr ${network} meta l4proto udp ip daddr & 0.0.1.15 == ${bits} snat to ${wanAddress}:${ports}`;
}).join('\n')}
    oifname "wan" ip saddr ${network} masquerade
  }
}`;

/** Every connection has the UDP port after the one before it. */
export const nextPort = ({ network, wanAddress }: NatPlace): string => `
table ip nat {
  chain post {
    type nat hook postrouting priority srcnat
    oifname "wan" ip saddr ${network} meta l4proto udp snat to ${wanAddress}:numgen inc mod 2048 map { ${Array.from(
      { length: 2048 },
      (_, n) => `${n} : ${20_000 + n}`,
    ).join(', ')} }
    oifname "wan" ip saddr ${network} masquerade
  }
}`;

/**
 * Lets in who was written to from the port in question, whatever port it answers from. It forgets after 60 s.
 */
export const rememberAddresses = `
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

/** Drops or rejects what these say, such as `meta l4proto udp drop`, both ways and in both families. */
export const refuse = (...rules: readonly string[]): string => `
table inet refuse {
  chain forward {
    type filter hook forward priority filter
    ${rules.join('\n    ')}
  }
}`;

/** Drops pieces of packets, before they are put together to be translated. */
export const dropFragments = `
table ip pieces {
  chain pre {
    type filter hook prerouting priority -450
    ip frag-off & 0x3fff != 0 drop
  }
}`;

/** Sends through the second uplink what a condition such as `udp sport & 1 == 1` says; it is routed by mark. */
export const secondUplink = (condition: string): string => `
table ip uplinks {
  chain pre {
    type filter hook prerouting priority mangle
    iifname "lan" ${condition} meta mark set 2
  }
}`;
