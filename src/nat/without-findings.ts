import type { NotFound } from './finding.ts';
import type { FamilyReport } from './report.ts';

/** What is said of a family in which no test could be made, but for UDP itself. */
export function withoutFindings(why: NotFound): Omit<FamilyReport, 'udp'> {
  return {
    local: null,
    mapped: [],
    translated: why,
    mapping: why,
    endpointIndependent: why,
    filtering: why,
    classicName: null,
    stable: why,
    unsolicitedKeepsMapping: why,
    pooling: why,
    ports: why,
    lifetime: why,
    hairpin: why,
    fragments: why,
    rewriting: why,
  };
}
