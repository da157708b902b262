import type { Clock } from '../client/clock.ts';
import type { MessageSocket } from '../client/message-socket.ts';
import type { Result } from '../client/result.ts';
import type { TcpConnection, TcpOptions } from '../client/tcp-connection.ts';
import type { TransportError } from '../client/transport-error.ts';
import type { UdpSocketOptions } from '../client/udp-socket.ts';
import type { ResolutionDependencies } from '../ladder/resolution.ts';
import type { IpAddress, TransportAddress } from '../stun/ip-address.ts';
import type { LocalInterface } from './local-addresses.ts';

/** All that gathering needs from outside. Nothing of it throws: what fails is a value. */
export interface GatherDependencies extends ResolutionDependencies {
  readonly clock: Clock;
  /** Where transaction ids and mDNS names come from. */
  readonly random: (bytes: number) => Uint8Array;
  /** What the wall clock shows, in seconds: certificates and usernames expire. */
  readonly unixNow: () => number;
  readonly interfaces: () => readonly LocalInterface[];
  readonly openUdp: (options: UdpSocketOptions) => Promise<Result<MessageSocket, TransportError>>;
  readonly connectTcp: (options: TcpOptions) => Promise<Result<TcpConnection, TransportError>>;
  /** Waits for TCP connections at a free port of this address. */
  readonly listenTcp: (ip: IpAddress) => Promise<Result<ListeningPort, TransportError>>;
}

/** A port at which connections are waited for; whoever connects is sent away, since nothing is there to talk to. */
export interface ListeningPort {
  readonly address: TransportAddress;
  close(): void;
}
