/**
 * A STUN and TURN client: RFC 8489, 8656 and 6062 over UDP, TCP and TLS, over IPv4 and IPv6, and the search for servers of
 * RFC 5928. What the network may make fail is a value, never a throw.
 *
 * @module
 */

export type { IcmpError } from '../stun/attributes/icmp.ts';
export { type AddressWords, formatTransportAddress, IpAddress, type TransportAddress } from '../stun/ip-address.ts';
export { PasswordAlgorithm } from '../stun/long-term-key.ts';
export type { StunMessage } from '../stun/message.ts';
export type { MessageWriter } from '../stun/message-writer.ts';
export { AddressFamily, Attribute, ErrorCode, MessageClass, Method, TransportProtocol } from '../stun/protocol.ts';
export type { AllocateOptions, GrantedAllocation } from './allocate-request.ts';
export { type AllocationFailure, type AllocationFailureKind, describeAllocationFailure } from './allocation-failure.ts';
export type { AuthenticatedRequests } from './authenticated-requests.ts';
export type { CertificateSummary } from './certificate.ts';
export { type Clock, systemClock, type Timer } from './clock.ts';
export type { DnsResolver, NaptrRecord, ResolutionError, SrvRecord } from './dns-resolver.ts';
export { formatIceUrl, type IceUrl, type IceUrlError, isSecure, isStunOnly, parseIceUrl } from './ice-url.ts';
export type { Challenge, LongTermCredentials } from './long-term-authentication.ts';
export type { MessageSocket } from './message-socket.ts';
export {
  type AllocationAttempt,
  type AllocationRefused,
  type OpenAllocationOptions,
  type OpenedAllocation,
  openAllocation,
} from './open-allocation.ts';
export { type ClientTransport, type OpenOptions, openSocket } from './open-socket.ts';
export type { RefreshTask } from './refresh-schedule.ts';
export { describeFailure, type ErrorResponse, isErrorResponse, type RequestFailure } from './request-failure.ts';
export { type Failure, failure, type Result, type Success, success } from './result.ts';
export { diagnosticRetransmission, type RetransmissionProfile, standardRetransmission } from './retransmission.ts';
export type { EndpointOrigin, ServerEndpoint, ServerTransport } from './server-endpoint.ts';
export { type ResolveServerOptions, resolveServer } from './server-resolution.ts';
export { type BindingAnswer, type RequestOptions, StunClient, type StunClientOptions } from './stun-client.ts';
export { type SystemDnsOptions, systemDns } from './system-dns.ts';
export { allocateTcp, TcpAllocation } from './tcp-allocation.ts';
export type { TlsOptions } from './tcp-connection.ts';
export type { Answer } from './transactions.ts';
export {
  describeTransportError,
  type ForeignProtocol,
  type TransportError,
  type TransportErrorKind,
} from './transport-error.ts';
export { type ConnectionAttempt, type SendOptions, TurnAllocation } from './turn-allocation.ts';
export {
  type AllocateChallenge,
  type OpenTurnClientOptions,
  openTurnClient,
  TurnClient,
  type TurnClientOptions,
} from './turn-client.ts';
export { openUdpSocket, type UdpSocketOptions } from './udp-socket.ts';
