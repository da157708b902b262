/** Looking for a router with UPnP (UPnP Device Architecture 1.1 §1.3). Pure. */
import { IpAddress, type TransportAddress } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';

/** 239.255.255.250:1900, where all of them listen. */
export const ssdpGroup: TransportAddress = { ip: new IpAddress(AddressFamily.ipv4, 0xefff_fffa), port: 1900 };

/** Longer answers are cut: those of routers have a few hundred bytes. */
const MAX_LENGTH = 4096;

const deviceTypes = [1, 2].map((version) => `urn:schemas-upnp-org:device:InternetGatewayDevice:${version}`);

/** Searches for Internet gateway devices; one datagram for each version. */
export function ssdpSearches(): Buffer[] {
  return deviceTypes.map((type) =>
    Buffer.from(
      [
        'M-SEARCH * HTTP/1.1',
        `HOST: ${ssdpGroup.ip.text}:${ssdpGroup.port}`,
        'MAN: "ssdp:discover"',
        'MX: 1',
        `ST: ${type}`,
        '',
        '',
      ].join('\r\n'),
    ),
  );
}

/** An address that a router names, in parts. */
export interface DeviceUrl {
  readonly to: TransportAddress;
  /** Path and query. */
  readonly path: string;
}

/** Reads where an answer says that the description of the device is; `undefined` of what is no answer of a gateway. */
export function readSsdp(bytes: Buffer): string | undefined {
  const text = bytes.subarray(0, MAX_LENGTH).toString('latin1');
  const [status = '', ...lines] = text.split(/\r?\n/);
  if (!/^HTTP\/1\.\d 200\b/i.test(status)) return undefined;
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const isGateway = deviceTypes.some((type) => fields.get('st') === type);
  return isGateway ? fields.get('location') : undefined;
}

/**
 * Takes an HTTP address apart that a router has named. Only those of the router itself are good: whoever answers in its
 * place must not make this host ask others.
 */
export function ownUrl(text: string, router: IpAddress, base?: string): DeviceUrl | undefined {
  if (!URL.canParse(text, base)) return undefined;
  const url = new URL(text, base);
  if (url.protocol !== 'http:' || url.username !== '' || url.password !== '') return undefined;
  const ip = IpAddress.parse(url.hostname);
  if (ip?.text !== router.text) return undefined;
  const port = url.port === '' ? 80 : Number(url.port);
  return port === 0 ? undefined : { to: { ip, port }, path: `${url.pathname}${url.search}` };
}
