import { type Finding, unknown } from '../nat/finding.ts';
import type { ServerReport } from '../nat/report.ts';
import type { FamilyDiagnosis } from './diagnose-family.ts';
import { readServerName } from './server-name.ts';

type Qualification = ServerReport['qualification'];
type Outcome = FamilyDiagnosis['outcomes'][number];

/** What is known of each server that was named, from all families together. */
export function describeServers(
  texts: readonly string[],
  families: readonly (readonly [name: string, diagnosis: FamilyDiagnosis])[],
): ServerReport[] {
  return texts.map((text) => {
    if (readServerName(text) === undefined) return notReadable(text);
    const parts = families.map(([family, diagnosis]) => ({ family, ...partOf(text, diagnosis) }));
    const outcomes = parts.flatMap(({ family, outcome }) => (outcome ? { family, ...outcome } : []));
    const addresses = parts.flatMap((part) => part.addresses);
    const times = outcomes.flatMap(({ roundTripMs }) => roundTripMs ?? []);
    return {
      server: text,
      addresses,
      qualification: addresses.length === 0 ? withoutAddress(parts) : best(outcomes),
      roundTripMs: times.length > 0 ? Math.min(...times) : null,
      notes: notesOf(outcomes),
    };
  });
}

interface Part {
  readonly addresses: readonly string[];
  readonly code: string | undefined;
  readonly outcome: Outcome | undefined;
}

function partOf(text: string, { servers, outcomes }: FamilyDiagnosis): Part {
  const resolved = servers.find(({ name }) => name.text === text);
  const addresses = resolved?.addresses ?? [];
  const [ip] = addresses;
  const outcome = outcomes.find(({ server }) => server.ip.text === ip?.text && server.port === resolved?.name.port);
  return { addresses: addresses.map((one) => one.text), code: resolved?.code, outcome };
}

/** What it can be used for in the family where it is good for more. */
function best(outcomes: readonly Outcome[]): Qualification {
  const all = outcomes.map(({ qualification }) => qualification);
  const found = (kind: string): Finding<'rfc5780' | 'plain'> | undefined =>
    all.find((one) => one.state === 'found' && one.value === kind);
  return found('rfc5780') ?? found('plain') ?? all[0] ?? unknown('It was not asked: no way leads to it.');
}

function withoutAddress(parts: readonly Pick<Part, 'code'>[]): Qualification {
  const codes = [...new Set(parts.flatMap(({ code }) => code ?? []))];
  return unknown(`Its name stands for no address that could be found (${codes.join(', ')}).`);
}

function notReadable(text: string): ServerReport {
  const qualification = unknown('This is no HOST or HOST:PORT.');
  return { server: text, addresses: [], qualification, roundTripMs: null, notes: [] };
}

/** What both families say is said once. */
function notesOf(outcomes: readonly (Outcome & { readonly family: string })[]): string[] {
  const all = outcomes.flatMap(({ family, notes }) => notes.map((note) => ({ family, note })));
  return [...new Set(all.map(({ note }) => note))].map((note) => {
    const from = all.filter((one) => one.note === note).map(({ family }) => family);
    return outcomes.length > 1 && from.length === 1 ? `${from[0]}: ${note}` : note;
  });
}
