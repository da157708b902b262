import type { Result } from '../client/result.ts';
import type { IpAddress } from '../stun/ip-address.ts';
import type { AddressFamily } from '../stun/protocol.ts';
import type { DiagnosisNetwork, LookUpError } from './network.ts';
import { within } from './waiting.ts';

/** A little more than a look-up itself is allowed, should it not keep to that. */
const SPARE_MS = 250;

const late = { ok: false, error: { code: 'ETIMEOUT' } } as const;

/** Looks up a name, and gives up whether or not the resolver does. */
export function lookUpWithin(
  { clock, lookUp }: Pick<DiagnosisNetwork, 'clock' | 'lookUp'>,
  host: string,
  family: AddressFamily,
  timeoutMs: number,
): Promise<Result<readonly IpAddress[], LookUpError>> {
  return within(clock, timeoutMs + SPARE_MS, lookUp(host, family, timeoutMs), late);
}
