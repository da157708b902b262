/** The one question of the NAT Port Mapping Protocol that makes no mapping (RFC 6886 §3.2). Pure. */
import { IpAddress } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';

/** Where routers listen for NAT-PMP and PCP. */
export const PORT_CONTROL_PORT = 5351;

const VERSION = 0;
const EXTERNAL_ADDRESS = 0;
const RESPONSE = 0x80;
const RESPONSE_LENGTH = 12;

/** Asks for the external address. */
export function natPmpRequest(): Buffer {
  return Buffer.from([VERSION, EXTERNAL_ADDRESS]);
}

/** What came back. */
export type NatPmpAnswer =
  | { readonly kind: 'address'; readonly address: IpAddress }
  /** The router speaks it, and does not say (RFC 6886 §3.5). */
  | { readonly kind: 'refused'; readonly resultCode: number };

/** Reads an answer; `undefined` of what is none. */
export function readNatPmp(bytes: Buffer): NatPmpAnswer | undefined {
  if (bytes.length < 4 || bytes[0] !== VERSION || bytes[1] !== (RESPONSE | EXTERNAL_ADDRESS)) return undefined;
  const resultCode = bytes.readUInt16BE(2);
  if (resultCode !== 0) return { kind: 'refused', resultCode };
  if (bytes.length < RESPONSE_LENGTH) return undefined;
  return { kind: 'address', address: new IpAddress(AddressFamily.ipv4, bytes.readInt32BE(8)) };
}
