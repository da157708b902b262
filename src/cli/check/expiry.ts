import { isoTime, type LadderCredentials, expiryOf as usernameExpiry } from '../../ladder/credentials.ts';
import type { Rung } from '../../ladder/rung.ts';
import type { TransportCheck } from './report.ts';

/** Unix seconds that a date can hold. */
const LATEST = 8_640_000_000_000;

type Expiry = Pick<TransportCheck, 'credentialExpiresAt' | 'certificateExpiresAt'>;

/** When what a check depends on comes to its end: ISO 8601, and nothing where it does not say. */
export function expiryOf(credentials: LadderCredentials | undefined, rungs: readonly Rung[]): Expiry {
  const credentialExpiresAt = credentials?.source === 'password' ? credentialExpiry(credentials.username) : undefined;
  const certificateExpiresAt = certificateExpiry(rungs);
  return {
    ...(credentialExpiresAt !== undefined && { credentialExpiresAt }),
    ...(certificateExpiresAt !== undefined && { certificateExpiresAt }),
  };
}

function credentialExpiry(username: string): string | undefined {
  const expiresAt = usernameExpiry(username);
  // People choose usernames: the number may be no time at all.
  return expiresAt === undefined || expiresAt > LATEST ? undefined : isoTime(expiresAt);
}

function certificateExpiry(rungs: readonly Rung[]): string | undefined {
  const certificate = rungs.find(({ name }) => name === 'tls')?.facts.certificate;
  if (typeof certificate !== 'object' || certificate === null || !('validTo' in certificate)) return undefined;
  return typeof certificate.validTo === 'string' ? certificate.validTo : undefined;
}
