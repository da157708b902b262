import type { Candidate } from './candidate.ts';

/**
 * A candidate as SDP has it behind `a=`, and `RTCIceCandidate.candidate` as it is (RFC 8839 §5.1, RFC 6544 §4.5).
 *
 * @example formatCandidate(candidate) // candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host
 */
export function formatCandidate(candidate: Candidate): string {
  const { foundation, component, protocol, priority, address, port, type } = candidate;
  const { relatedAddress, relatedPort, tcpType } = candidate;
  const fields = [`candidate:${foundation}`, component, protocol, priority, address, port, 'typ', type];
  if (relatedAddress !== undefined) fields.push('raddr', relatedAddress, 'rport', relatedPort ?? 0);
  if (tcpType !== undefined) fields.push('tcptype', tcpType);
  return fields.join(' ');
}
