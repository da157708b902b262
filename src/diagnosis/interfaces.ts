import type { InterfaceReport } from '../nat/report.ts';
import type { IpAddress } from '../stun/ip-address.ts';
import { isLinkLocal, isShared } from './address-kinds.ts';
import type { NetworkInterface } from './network.ts';

type InterfaceKind = InterfaceReport['kind'];

/** By their names on Linux, BSD and macOS, and as Windows describes them. The first that fits counts. */
const namePatterns: readonly (readonly [RegExp, InterfaceKind])[] = [
  [/tailscale|wireguard|openvpn|zerotier|nordlynx|nordvpn|proton|mullvad|anyconnect|globalprotect|pangp|forti/i, 'vpn'],
  [
    /\bvpn|vpn\b|tap-windows|wintun|hamachi|cloudflare.?warp|pulse secure|zscaler|netbird|nebula|sstp|l2tp|ikev2/i,
    'vpn',
  ],
  [/^(tun|tap|utun|wg|wt|zt|ppp|ipsec|xfrm|vti|gpd|cscotun|nebula|ts)\d*([a-z]*\d+)?$/i, 'vpn'],
  [/^(zt[a-z0-9]{8,}|wg[-_.].+|tun[-_.].+|tap[-_.].+|wg[a-z0-9]+)$/i, 'vpn'],
  [
    /^(docker|br-|veth|virbr|vnet|vmnet|vboxnet|lxc|lxd|cni|flannel|cali|cilium|podman|kube|dummy|ifb|bridge)/i,
    'virtual',
  ],
  [/vethernet|virtualbox|vmware|hyper-v|wsl/i, 'virtual'],
  [/^(wl|wifi|wlan|ath|ra\d)|wi-?fi|wlan|wireless|drahtlos|sans fil|inal[aá]mbric/i, 'wireless'],
  [/^(eth|en[opsx]?[0-9a-f]|em\d|igb|ix\d|re\d|bge|vmx|vtnet|hn\d|bond|lan)/i, 'ethernet'],
  [/ethernet|local area connection|lan-verbindung/i, 'ethernet'],
];

/** What kind of interface it is, as far as its name and hardware address tell. */
export function interfaceKind({ name, mac, addresses }: Omit<NetworkInterface, 'internal'>): InterfaceKind {
  const known = namePatterns.find(([pattern]) => pattern.test(name))?.[1];
  if (known !== undefined) return known;
  // A tunnel has no hardware address; carriers give such addresses to routers and not to tunnels.
  const isTunnel = /^[0:]*$/.test(mac);
  return isTunnel && addresses.some(({ ip }) => isShared(ip)) ? 'vpn' : 'other';
}

/**
 * The interfaces that lead anywhere: those with an address that is good beyond the next router.
 *
 * @param sources the addresses from which packets to the servers leave.
 */
export function describeInterfaces(
  interfaces: readonly NetworkInterface[],
  sources: readonly IpAddress[],
): InterfaceReport[] {
  const used = new Set(sources.map(({ text }) => text));
  return interfaces.flatMap((one) => {
    const addresses = one.addresses.filter(({ ip }) => !isLinkLocal(ip)).map(({ ip }) => ip.text);
    if (one.internal || addresses.length === 0) return [];
    return { name: one.name, addresses, kind: interfaceKind(one), isDefault: addresses.some((text) => used.has(text)) };
  });
}
