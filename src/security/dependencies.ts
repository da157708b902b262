import type { Clock } from '../client/clock.ts';
import type { LongTermCredentials } from '../client/long-term-authentication.ts';
import type { MessageSocket } from '../client/message-socket.ts';
import type { Result } from '../client/result.ts';
import type { TransportError } from '../client/transport-error.ts';
import type { TurnClient } from '../client/turn-client.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import type { HostAddress, SecurityTarget } from './targets.ts';

/** What the examination needs from outside. */
export interface SecurityDependencies {
  readonly server: TransportAddress;
  readonly transport: 'udp' | 'tcp' | 'tls';
  /** Those of a user of the server. Without them only a server that asks for none gives relays to try. */
  readonly credentials?: LongTermCredentials;
  /** What is tried as a peer: see `securityTargets`. */
  readonly targets: readonly SecurityTarget[];
  /** All addresses of this host: a server at one of them is a neighbour of the listeners. */
  readonly hostAddresses: readonly HostAddress[];
  readonly clock: Clock;
  readonly random: (bytes: number) => Buffer;
  /** Opens a connection of its own to the server; whoever asks closes it. */
  readonly open: (credentials: LongTermCredentials | undefined) => Promise<Result<TurnClient, TransportError>>;
  /** Opens a UDP socket connected to the server. */
  readonly openUdp: () => Promise<Result<MessageSocket, TransportError>>;
  /** Listens on a free port of an address of this host. */
  readonly listen: (at: HostAddress, protocol: 'udp' | 'tcp') => Promise<Result<Listener, TransportError>>;
  /** Milliseconds after which nothing new is begun; 20 seconds when left out. */
  readonly limitMs?: number;
  /** Aborted, it lets nothing new begin. */
  readonly signal?: AbortSignal;
}

/** A socket of this host that waits for what the server may send. */
export interface Listener {
  readonly address: TransportAddress;
  /** Called with every datagram; over TCP with nothing, for every connection. */
  onArrival: (bytes: Buffer, from: TransportAddress) => void;
  close(): void;
}
