import { IpAddress, type TransportAddress } from '../stun/ip-address.ts';

/** An address as it is told to another thread or process. */
export interface TextAddress {
  readonly host: string;
  readonly port: number;
}

export function toText({ ip, port }: TransportAddress): TextAddress {
  return { host: ip.text, port };
}

/** @param address one that {@link toText} made. */
export function fromText({ host, port }: TextAddress): TransportAddress {
  return { ip: IpAddress.parse(host)!, port };
}
