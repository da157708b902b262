import { type Finding, notTested } from '../nat/finding.ts';
import type { FamilyReport } from '../nat/report.ts';
import { withoutFindings } from '../nat/without-findings.ts';

/** What is said of a family in which no test could be made. */
export function untestedFamily(udp: FamilyReport['udp'], local: string | null = null): FamilyReport {
  const why = notTested(udp.state === 'found' ? udp.evidence : udp.why);
  return { ...withoutFindings(why), udp, local };
}

/** That a family cannot be used, for want of an address or a route. */
export function withoutRoute(hasAddress: boolean, code: string, elapsedMs: number): Finding<'no-address' | 'no-route'> {
  const value = hasAddress ? 'no-route' : 'no-address';
  const evidence = hasAddress
    ? `This machine knows no way out (${code}).`
    : `This machine has no address that is good beyond the next router (${code}).`;
  return { state: 'found', value, confidence: 'high', evidence, elapsedMs };
}
