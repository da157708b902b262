/** NAT behaviour tests (RFC 5780), the classifier, the verdict and the comparison of two networks, to embed in an app. */

export type { Clock, Timer } from '../client/clock.ts';
export type { MessageSocket } from '../client/message-socket.ts';
export { failure, type Result, success } from '../client/result.ts';
export type { TransportError } from '../client/transport-error.ts';
export type { UdpSocketOptions } from '../client/udp-socket.ts';
export { formatTransportAddress, IpAddress, type TransportAddress } from '../stun/ip-address.ts';
export { AddressFamily } from '../stun/protocol.ts';
export type { Behavior, ClassicName } from './behavior.ts';
export type { NatEnvironment } from './environment.ts';
export { type FamilyOptions, type FamilyOutcome, testFamily } from './family.ts';
export { type Confidence, type Finding, type Found, type NotFound, notTested, unknown, valueIn } from './finding.ts';
export { readDiagnosis } from './read-diagnosis.ts';
export type {
  Diagnosis,
  FamilyReport,
  GatewayReport,
  InterfaceReport,
  PeerKind,
  PortReport,
  ServerReport,
  TransportReport,
  Verdict,
} from './report.ts';
export { classicName } from './verdict/classify.ts';
export { canPunch, type NatBehavior, type Punching, punch } from './verdict/hole-punching.ts';
export type { Evidence } from './verdict/outlook.ts';
export { type PairVerdict, pair } from './verdict/pair.ts';
export { judge } from './verdict/verdict.ts';
