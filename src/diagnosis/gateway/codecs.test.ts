import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';
import { natPmpRequest, readNatPmp } from './nat-pmp.ts';
import { pcpAnnounce, readPcp } from './pcp.ts';
import { ownUrl, readSsdp, ssdpSearches } from './ssdp.ts';
import { externalAddressRequest, readDescription, readExternalAddress } from './upnp.ts';

const bytes = fc.uint8Array({ maxLength: 1500 }).map((array) => Buffer.from(array));
const ipv4 = fc.integer().map((word) => new IpAddress(AddressFamily.ipv4, word));
const router = IpAddress.parse('192.168.1.1')!;

describe('NAT-PMP', () => {
  it('asks for the external address and for nothing else', () => {
    expect(natPmpRequest()).toEqual(Buffer.from([0, 0]));
  });

  it('reads whichever address a router names', () => {
    fc.assert(
      fc.property(ipv4, fc.nat(), (address, epoch) => {
        const answer = Buffer.alloc(12);
        answer[1] = 128;
        answer.writeUInt32BE(epoch, 4);
        answer.writeInt32BE(address.w0, 8);
        expect(readNatPmp(answer)).toEqual({ kind: 'address', address });
      }),
    );
  });

  it('reads a refusal, which may end before the address', () => {
    expect(readNatPmp(Buffer.from([0, 128, 0, 3, 0, 0, 0, 9]))).toEqual({ kind: 'refused', resultCode: 3 });
  });

  it('takes any bytes', () => {
    fc.assert(fc.property(bytes, (any) => void readNatPmp(any)));
    expect(readNatPmp(Buffer.from([0, 128, 0, 0, 0, 0, 0, 9, 1, 2, 3]))).toBeUndefined();
  });
});

describe('PCP', () => {
  it('announces the own address, IPv4 as IPv4-mapped', () => {
    const request = pcpAnnounce(IpAddress.parse('192.168.1.2')!);
    expect(request.toString('hex')).toBe('02000000000000000000000000000000' + '0000ffffc0a80102');
    expect(pcpAnnounce(IpAddress.parse('2001:db8::2')!).subarray(8).toString('hex')).toBe(
      '20010db8000000000000000000000002',
    );
  });

  it('tells a NAT in between by ADDRESS_MISMATCH', () => {
    const answer = Buffer.alloc(24);
    answer.set([2, 0x80, 0, 12]);
    expect(readPcp(answer)).toEqual({ translatedBefore: true });
    answer[3] = 0;
    expect(readPcp(answer)).toEqual({ translatedBefore: false });
  });

  it('takes any bytes, and no answer in the version of NAT-PMP', () => {
    fc.assert(fc.property(bytes, (any) => void readPcp(any)));
    expect(readPcp(Buffer.from([0, 128, 0, 1, 0, 0, 0, 9]))).toBeUndefined();
  });
});

describe('SSDP', () => {
  const answer = (location: string, type = 'urn:schemas-upnp-org:device:InternetGatewayDevice:1') =>
    Buffer.from(`HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: ${type}\r\nLocation: ${location}\r\n\r\n`);

  it('searches for gateways of both versions', () => {
    const [first, second] = ssdpSearches().map(String);
    expect(first).toMatch(/^M-SEARCH \* HTTP\/1\.1\r\nHOST: 239\.255\.255\.250:1900\r\n.*Device:1\r\n\r\n$/s);
    expect(second).toContain('InternetGatewayDevice:2');
  });

  it('reads where a gateway has its description', () => {
    expect(readSsdp(answer('http://192.168.1.1:5000/root.xml'))).toBe('http://192.168.1.1:5000/root.xml');
  });

  it('takes no notice of other devices', () => {
    expect(readSsdp(answer('http://192.168.1.9/', 'urn:schemas-upnp-org:device:MediaServer:1'))).toBeUndefined();
  });

  it('takes any bytes and any text', () => {
    fc.assert(fc.property(bytes, (any) => void readSsdp(any)));
    fc.assert(fc.property(fc.string(), (any) => void readSsdp(Buffer.from(`HTTP/1.1 200 OK\r\n${any}`))));
  });

  it('goes to the router itself only', () => {
    const path = { to: { ip: router, port: 5000 }, path: '/a?b=c' };
    expect(ownUrl('http://192.168.1.1:5000/a?b=c', router)).toEqual(path);
    expect(ownUrl('/a?b=c', router, 'http://192.168.1.1:5000/root.xml')).toEqual(path);
    for (const elsewhere of [
      'http://192.168.1.2:5000/',
      'http://router.example/',
      'https://192.168.1.1/',
      'http://me:secret@192.168.1.1/',
      'file:///etc/passwd',
      'http://192.168.1.1:0/',
      '//203.0.113.1/',
      'nonsense',
    ]) {
      expect(ownUrl(elsewhere, router, 'http://192.168.1.1:5000/root.xml')?.to.ip.text ?? router.text).toBe(
        router.text,
      );
      if (elsewhere !== 'nonsense') {
        expect(ownUrl(elsewhere, router, 'http://192.168.1.1:5000/root.xml'), elsewhere).toBeUndefined();
      }
    }
    fc.assert(fc.property(fc.string(), fc.string(), (any, base) => void ownUrl(any, router, base)));
  });
});

describe('UPnP', () => {
  const type = 'urn:schemas-upnp-org:service:WANIPConnection:1';
  const description = `<?xml version="1.0"?><root><URLBase>http://192.168.1.1:5000</URLBase><device><serviceList>
    <service><serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType><controlURL>/l3</controlURL></service>
    </serviceList><deviceList><device><serviceList>
    <service><serviceType>${type}</serviceType><serviceId>x</serviceId><controlURL> /ctl?a=1&amp;b=2 </controlURL></service>
    </serviceList></device></deviceList></device></root>`;

  it('finds the service that knows the external address, and no other', () => {
    expect(readDescription(description)).toEqual({
      urlBase: 'http://192.168.1.1:5000',
      services: [{ type, controlUrl: '/ctl?a=1&b=2' }],
    });
  });

  it('asks in the words of the service', () => {
    expect(externalAddressRequest(type)).toContain(`<u:GetExternalIPAddress xmlns:u="${type}"/>`);
  });

  it('reads the address', () => {
    fc.assert(
      fc.property(ipv4, (address) => {
        const xml = `<s:Body><u:R><NewExternalIPAddress>${address.text}</NewExternalIPAddress></u:R></s:Body>`;
        expect(readExternalAddress(xml)?.text).toBe(address.text);
      }),
    );
    expect(readExternalAddress('<NewExternalIPAddress></NewExternalIPAddress>')).toBeUndefined();
    expect(readExternalAddress('<NewExternalIPAddress>2001:db8::1</NewExternalIPAddress>')).toBeUndefined();
  });

  it('takes any text, however deep, and reads no more services than a router has', () => {
    const piece = fc.constantFrom(
      '<service>',
      '</service>',
      '<serviceType>',
      type,
      '</serviceType>',
      '<controlURL>',
      'x',
    );
    fc.assert(fc.property(fc.array(piece), (pieces) => void readDescription(pieces.join(''))));
    fc.assert(fc.property(fc.string(), (any) => void [readDescription(any), readExternalAddress(any)]));
    const many = `<service><serviceType>${type}</serviceType><controlURL>/c</controlURL></service>`.repeat(500);
    expect(readDescription(many).services).toHaveLength(16);
  });
});
