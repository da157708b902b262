import type { Advice } from '../ladder/advice.ts';
import type { IpAddress, TransportAddress } from '../stun/ip-address.ts';
import { formatTransportAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import type { RelayProtocol, TcpType } from './candidate.ts';
import { Foundations } from './foundations.ts';
import type { LocalAddress } from './local-addresses.ts';
import type { MdnsNames } from './mdns-names.ts';
import { candidatePriority } from './priority.ts';
import type { GatheredCandidate } from './report.ts';

/** The server that a candidate is from. */
export interface CandidateServer {
  readonly url: string;
  readonly address: TransportAddress;
  /** Of the server among those asked, from 0. */
  readonly rank: number;
}

export interface CandidateSetOptions {
  /** Names to show in place of host addresses. */
  readonly mdns: MdnsNames | undefined;
  /** Whether nothing but relayed addresses may be shown, not even as a related one. */
  readonly relayOnly: boolean;
  /** Milliseconds since gathering began. */
  readonly elapsedMs: () => number;
  readonly onCandidate: (candidate: GatheredCandidate) => void;
}

type Parts = Pick<GatheredCandidate, 'type' | 'protocol' | 'flags'> & {
  readonly base: LocalAddress;
  readonly address: TransportAddress;
  readonly related?: TransportAddress;
  readonly server?: CandidateServer;
  readonly relayProtocol?: RelayProtocol;
  readonly tcpType?: TcpType;
};

/** RTP and RTCP share a port, as with browsers. */
const COMPONENT = 1;

/** The candidates of one gathering. It gives them foundation and priority and leaves redundant ones out (RFC 8445 §5.1.3). */
export class CandidateSet {
  readonly all: GatheredCandidate[] = [];
  readonly #options: CandidateSetOptions;
  readonly #foundations = new Foundations();
  /** Transport addresses with their bases. */
  readonly #known = new Set<string>();

  constructor(options: CandidateSetOptions) {
    this.#options = options;
  }

  /** A UDP socket of this machine, or a TCP port, at which connections are waited for or from which they are opened. */
  addHost(base: LocalAddress, address: TransportAddress, tcpType?: TcpType): void {
    const protocol = tcpType === undefined ? 'udp' : 'tcp';
    this.#add({ type: 'host', protocol, base, address, ...(tcpType && { tcpType }), flags: [] }, address);
  }

  /** @param socket the host candidate's address, which the server sees as `address` */
  addReflexive(
    base: LocalAddress,
    socket: TransportAddress,
    address: TransportAddress,
    server: CandidateServer,
    flags: readonly Advice[],
  ): void {
    this.#add({ type: 'srflx', protocol: 'udp', base, address, related: socket, server, flags }, socket);
  }

  /** @param mapped the address from which the server sees the client of the relay */
  addRelayed(
    base: LocalAddress,
    address: TransportAddress,
    mapped: TransportAddress,
    server: CandidateServer,
    relayProtocol: RelayProtocol,
    flags: readonly Advice[],
  ): void {
    this.#add(
      { type: 'relay', protocol: 'udp', base, address, related: mapped, server, relayProtocol, flags },
      address,
    );
  }

  #add(parts: Parts, base: TransportAddress): void {
    if (!this.#isNew(parts, base)) return;
    const { type, protocol, address, server, relayProtocol, tcpType, flags } = parts;
    const related = this.#related(parts);
    const candidate: GatheredCandidate = {
      foundation: this.#foundations.of({
        type,
        protocol,
        // A relayed candidate is its own base (RFC 8445 §5.1.1.2).
        base: type === 'relay' ? address.ip : parts.base.ip,
        ...(server && { server: server.address.ip }),
        ...(relayProtocol && { relayProtocol }),
      }),
      component: COMPONENT,
      protocol,
      priority: priorityOf(parts),
      address: this.#shown(parts),
      port: address.port,
      type,
      ...(related && { relatedAddress: related.address, relatedPort: related.port }),
      ...(tcpType && { tcpType }),
      family: address.ip.family === AddressFamily.ipv4 ? 'ipv4' : 'ipv6',
      networkInterface: parts.base.interfaceName,
      ...(server && { url: server.url, server: formatTransportAddress(server.address) }),
      ...(relayProtocol && { relayProtocol }),
      elapsedMs: this.#options.elapsedMs(),
      flags,
    };
    this.all.push(candidate);
    this.#options.onCandidate(candidate);
  }

  #isNew({ type, protocol, tcpType, address }: Parts, base: TransportAddress): boolean {
    // Where names hide the host addresses, a reflexive candidate shows what the host one does not: browsers keep both.
    const kind = type === 'srflx' && this.#options.mdns ? type : 'any';
    const key = [kind, protocol, tcpType, formatTransportAddress(address), formatTransportAddress(base)].join(' ');
    const isNew = !this.#known.has(key);
    this.#known.add(key);
    return isNew;
  }

  #shown({ type, address }: Parts): string {
    const { mdns } = this.#options;
    return mdns && type === 'host' ? mdns.of(address.ip) : address.ip.text;
  }

  /** What is to stay hidden is given as browsers do: as no address. */
  #related({ type, address, related }: Parts): { readonly address: string; readonly port: number } | undefined {
    if (!related) return undefined;
    const { mdns, relayOnly } = this.#options;
    const hidden = type === 'srflx' ? mdns !== undefined : relayOnly;
    return hidden ? { address: unspecified(address.ip), port: 0 } : { address: related.ip.text, port: related.port };
  }
}

function priorityOf({ type, base, server, tcpType, relayProtocol }: Parts): number {
  return candidatePriority({
    type,
    component: COMPONENT,
    addressRank: base.rank,
    serverRank: server?.rank ?? 0,
    ...(tcpType && { tcpType }),
    ...(relayProtocol && { relayProtocol }),
  });
}

function unspecified({ family }: IpAddress): string {
  return family === AddressFamily.ipv4 ? '0.0.0.0' : '::';
}
