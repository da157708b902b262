/** What a UPnP router says of itself, and the question for its external address (WANIPConnection:1 §2.4.18). Pure. */
import { IpAddress } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';

/** A service that knows the external address. */
export interface ConnectionService {
  readonly type: string;
  /** As it is written: absolute, or relative to the description. */
  readonly controlUrl: string;
}

/** What a description is read for. */
export interface DeviceDescription {
  /** What relative addresses begin with, where it is said. */
  readonly urlBase: string | undefined;
  readonly services: readonly ConnectionService[];
}

/** More services than any router has; the rest of a longer list is left out. */
const MAX_SERVICES = 16;
const connectionType = /^urn:schemas-upnp-org:service:WAN(?:IP|PPP)Connection:[12]$/;

/** Finds the services that know the external address in a device description. */
export function readDescription(xml: string): DeviceDescription {
  const services: ConnectionService[] = [];
  for (const service of elements(xml, 'service')) {
    const type = textOf(service, 'serviceType');
    const controlUrl = textOf(service, 'controlURL');
    if (type === undefined || controlUrl === undefined || !connectionType.test(type)) continue;
    services.push({ type, controlUrl });
    if (services.length === MAX_SERVICES) break;
  }
  return { urlBase: textOf(xml, 'URLBase') || undefined, services };
}

/** The body of a request for the external address. */
export function externalAddressRequest(type: string): string {
  return (
    '<?xml version="1.0"?>\r\n' +
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
    `<u:GetExternalIPAddress xmlns:u="${type}"/></s:Body></s:Envelope>\r\n`
  );
}

/** The header fields that go with it. */
export function externalAddressHeaders(type: string): Record<string, string> {
  return { 'Content-Type': 'text/xml; charset="utf-8"', SOAPAction: `"${type}#GetExternalIPAddress"` };
}

/** Reads the address of an answer; `undefined` where there is none, as on a router that is offline. */
export function readExternalAddress(xml: string): IpAddress | undefined {
  const ip = IpAddress.parse(textOf(xml, 'NewExternalIPAddress') ?? '');
  return ip?.family === AddressFamily.ipv4 ? ip : undefined;
}

/** What stands between the tags of each element of this name, from left to right. */
function* elements(xml: string, name: string): Generator<string> {
  const lower = xml.toLowerCase();
  const [open, close] = [`<${name.toLowerCase()}>`, `</${name.toLowerCase()}>`];
  for (let at = 0; ; ) {
    const start = lower.indexOf(open, at);
    const end = start < 0 ? -1 : lower.indexOf(close, start);
    if (end < 0) return;
    yield xml.slice(start + open.length, end);
    at = end + close.length;
  }
}

/** The text of the first element of this name. */
function textOf(xml: string, name: string): string | undefined {
  const [first] = elements(xml, name);
  return first?.trim().replace(/&(amp|lt|gt|quot|apos);/g, (_, entity: string) => entities[entity]!);
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
