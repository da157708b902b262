import type { Clock } from '../client/clock.ts';
import type { MessageSocket } from '../client/message-socket.ts';
import type { Result } from '../client/result.ts';
import type { TransportError } from '../client/transport-error.ts';
import type { UdpSocketOptions } from '../client/udp-socket.ts';

/** What the tests need from outside. An app hands in sockets of its system, a test a NAT in memory and virtual time. */
export interface NatEnvironment {
  readonly clock: Clock;
  /** Where transaction ids and local ports come from. */
  readonly random: (bytes: number) => Uint8Array;
  /** Opens one more UDP socket; each test has its own. */
  readonly openUdp: (options: UdpSocketOptions) => Promise<Result<MessageSocket, TransportError>>;
}
