/** NAT behaviour tests (RFC 5780), the classifier, the verdict and the comparison of two networks, to embed in an app. */

export type { Clock, Timer } from '../client/clock.ts';
export type { MessageSocket } from '../client/message-socket.ts';
export { failure, type Result, success } from '../client/result.ts';
export type { TransportError } from '../client/transport-error.ts';
export type { UdpSocketOptions } from '../client/udp-socket.ts';
export { formatTransportAddress, IpAddress, type TransportAddress } from '../stun/ip-address.ts';
export { AddressFamily } from '../stun/protocol.ts';
export type { Behavior, ClassicName } from './behavior.ts';
export { classicName } from './classify.ts';
export type { NatEnvironment } from './environment.ts';
export { type FamilyOptions, type FamilyOutcome, testFamily } from './family.ts';
export { type Confidence, type Finding, type Found, type NotFound, notTested, unknown, valueIn } from './finding.ts';
export { canPunch, type NatBehavior, type Punching, punch } from './hole-punching.ts';
export type { Evidence } from './outlook.ts';
export { type PairVerdict, pair } from './pair.ts';
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
export { judge } from './verdict.ts';
