import type { Behavior, ClassicName } from '../behavior.ts';
import { valueIn } from '../finding.ts';
import type { FamilyReport } from '../report.ts';

/** What follows an endpoint-independent mapping (RFC 3489 §5). */
const cones: Readonly<Record<Behavior, ClassicName>> = {
  'endpoint-independent': 'full cone',
  'address-dependent': 'restricted cone',
  'address-and-port-dependent': 'port-restricted cone',
};

/**
 * The name of RFC 3489 §5 for what was found, or `null` where none fits: it has names for six combinations only, and the two
 * behaviours of RFC 4787 then say it better. Where something is not known there is no name either.
 */
export function classicName(report: Pick<FamilyReport, 'translated' | 'mapping' | 'filtering'>): ClassicName | null {
  const translated = valueIn(report.translated);
  const mapping = valueIn(report.mapping);
  const filtering = valueIn(report.filtering);
  if (translated === undefined || filtering === undefined) return null;
  if (!translated) {
    if (mapping !== undefined && mapping !== 'endpoint-independent') return null;
    if (filtering === 'endpoint-independent') return 'open internet';
    return filtering === 'address-and-port-dependent' ? 'symmetric firewall' : null;
  }
  if (mapping === 'endpoint-independent') return cones[filtering];
  const symmetric = mapping === 'address-and-port-dependent' && filtering === 'address-and-port-dependent';
  return symmetric ? 'symmetric' : null;
}
