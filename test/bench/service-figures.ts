/** What is measured of the credential service: one entry for each figure. Nobody else has one to compare with. */
import type { Cleanup } from './cleanup.ts';
import type { FigureTable } from './figures.ts';
import { HALF_RATE, measureIssuing } from './issuing.ts';
import { measureLookUps } from './look-ups.ts';
import { measureRevocation } from './revocation-time.ts';
import { type Filling, few, many, some } from './store-filling.ts';

export interface ServiceFigure extends FigureTable {
  readonly contestants: readonly Filling[];
  readonly rowsAre: 'held';
  /** How it is measured, in a sentence. */
  readonly how: string;
  /** Measures once. */
  measure(filling: Filling, cleanup: Cleanup): Promise<Readonly<Record<string, number>>>;
}

/** What has to be reached. */
const PER_SECOND = 2 * HALF_RATE;
const RATE = HALF_RATE.toLocaleString('en-US');
const P99_MS = 20;
const REVOCATION_MS = 1000;
/** No slower, but for what repeated measuring differs by. */
const AS_FAST = 1.1;

export const serviceFigures: readonly ServiceFigure[] = [
  {
    name: 'issuing',
    title: 'Issuing credentials over HTTP, on one core',
    how: `\`POST /v1/credentials\` over 32 connections that stay open, each time with another of the keys, to a daemon with its
default settings (audit log included) and one core for all its threads; the load comes from the other. First as many as
it answers, then ${RATE} a second, timed from when each was due.`,
    rowsAre: 'held',
    contestants: [few, many],
    metrics: {
      perSecond: 'credentials a second',
      perProcessorSecond: 'credentials per second of processor time, all threads',
      p50: `p50 at ${RATE}/s, ms`,
      p99: `p99 at ${RATE}/s, ms`,
      memory: 'resident memory at rest, MB',
      loaded: 'after the load, MB',
      start: 'start, s',
    },
    goals: [
      { metric: 'perSecond', of: few.name, atLeast: PER_SECOND },
      { metric: 'perSecond', of: many.name, atLeast: PER_SECOND },
      { metric: 'perProcessorSecond', of: few.name, atLeast: PER_SECOND },
      { metric: 'perProcessorSecond', of: many.name, atLeast: PER_SECOND },
      { metric: 'perProcessorSecond', of: many.name, against: few.name, atLeast: 1 / AS_FAST },
      { metric: 'p99', of: few.name, atMost: P99_MS },
      { metric: 'p99', of: many.name, atMost: P99_MS },
    ],
    measure: measureIssuing,
  },
  {
    name: 'revocation',
    title: 'From the revocation of a credential to the last packet relayed for it',
    how: `A client with an issued credential sends a packet every 2 ms to a peer that sends it back;
\`DELETE /v1/credentials/{username}\` meanwhile. Timed from just before the request, for ten credentials in turn.`,
    rowsAre: 'held',
    contestants: [few, many],
    metrics: { median: 'median, ms', longest: 'longest of ten, ms' },
    goals: [
      { metric: 'longest', of: few.name, atMost: REVOCATION_MS },
      { metric: 'longest', of: many.name, atMost: REVOCATION_MS },
    ],
    measure: measureRevocation,
  },
  {
    name: 'look-ups',
    title: 'Checking a key, and whether a credential is revoked, without HTTP',
    how: `Keys in random order, each a new string as it comes in a request; and credentials that are not revoked, which are looked
for by username, by username without label, by user and by key. Any of 100,000 keys is seldom in the processor's cache, and
waiting for memory is what it takes longer; one of the same hundred among them shows what the number of keys costs by
itself.`,
    rowsAre: 'held',
    contestants: [some, many],
    metrics: {
      verify: 'check of a key, any of all, µs',
      verifyHot: 'check of a key, one of the same hundred, µs',
      isRevoked: 'whether a credential is revoked, µs',
    },
    goals: [
      { metric: 'verify', of: many.name, against: some.name, atMost: AS_FAST },
      { metric: 'verifyHot', of: many.name, against: some.name, atMost: AS_FAST },
      { metric: 'isRevoked', of: many.name, against: some.name, atMost: AS_FAST },
    ],
    measure: measureLookUps,
  },
];
