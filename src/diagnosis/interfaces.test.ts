import { describe, expect, it } from 'vitest';
import { IpAddress } from '../stun/ip-address.ts';
import { describeInterfaces, interfaceKind } from './interfaces.ts';

const hardware = '02:00:5e:00:53:01';
const none = '00:00:00:00:00:00';
const at = (text: string) => ({ ip: IpAddress.parse(text)!, prefixLength: 24 });
const kindOf = (name: string, address = '192.168.1.2', mac = hardware) =>
  interfaceKind({ name, mac, addresses: [at(address)] });

describe('the kind of an interface', () => {
  const kinds = {
    vpn: 'tun0 tap1 wg0 wg-mullvad utun4 ppp0 ipsec0 tailscale0 Tailscale ztabcdef12 zt0 nordlynx proton0 gpd0 cscotun0|My VPN Connection|OpenVPN TAP-Windows6|WireGuard Tunnel|Cisco AnyConnect|Fortinet SSL|CloudflareWARP',
    virtual:
      'docker0 br-0123456789ab veth12ab virbr0 vnet3 vmnet8 vboxnet0 lxcbr0 cni0 flannel.1 cali123 bridge100|vEthernet (WSL)|VirtualBox Host-Only Network|VMware Network Adapter VMnet8',
    wireless: 'wlan0 wlp3s0 wlx00c0ca WLAN Wi-Fi|Wi-Fi 2|Wireless Network Connection',
    ethernet: 'eth0 en0 enp0s31f6 eno1 ens33 enx00e04c em1 Ethernet|Ethernet 2|Local Area Connection|LAN-Verbindung',
    other: 'wwan0 rmnet_data0 pdp_ip0 awdl0 usb0 p2p0',
  } as const;
  for (const [kind, names] of Object.entries(kinds)) {
    const all = names.split('|').flatMap((part, n) => (n === 0 ? part.split(' ') : part));
    it.each(all)(`of %s is ${kind}`, (name) => expect(kindOf(name)).toBe(kind));
  }

  it('is VPN where a tunnel without a name that says so has an address out of 100.64.0.0/10', () => {
    expect(kindOf('x7', '100.100.1.2', none)).toBe('vpn');
    expect(kindOf('x7', '100.100.1.2')).toBe('other');
    expect(kindOf('x7', '192.168.1.2', none)).toBe('other');
  });
});

it('lists what leads beyond the next router, and says through which packets leave', () => {
  const interfaces = [
    { name: 'lo', internal: true, mac: none, addresses: [at('127.0.0.1')] },
    { name: 'eth0', internal: false, mac: hardware, addresses: [at('192.168.1.2'), at('fe80::1'), at('2001:db8::2')] },
    { name: 'utun0', internal: false, mac: none, addresses: [at('fe80::2')] },
    { name: 'docker0', internal: false, mac: hardware, addresses: [at('172.17.0.1')] },
  ];
  expect(describeInterfaces(interfaces, [IpAddress.parse('192.168.1.2')!])).toEqual([
    { name: 'eth0', addresses: ['192.168.1.2', '2001:db8::2'], kind: 'ethernet', isDefault: true },
    { name: 'docker0', addresses: ['172.17.0.1'], kind: 'virtual', isDefault: false },
  ]);
});
