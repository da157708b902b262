import { meanOpinionScore } from './mos.ts';
import { inMilliseconds, inPercent } from './quantities.ts';

export type SpeechGrade = 'good' | 'fair' | 'poor' | 'bad';

/** The least score of each grade, after the satisfaction of users in ITU-T G.107. */
const leastScores: readonly (readonly [grade: SpeechGrade, score: number])[] = [
  ['good', 4],
  ['fair', 3.6],
  ['poor', 3.1],
];

/** The grade of a mean opinion score, as it is shown: with one digit after the point. */
export function speechGrade(score: number): SpeechGrade {
  const shown = Math.round(score * 10) / 10;
  return leastScores.find(([, least]) => shown >= least)?.[0] ?? 'bad';
}

/** How old packets are when they arrive on average, and when they are played, in milliseconds. */
export interface SpeechDelay {
  readonly networkMs: number;
  readonly playedMs: number;
}

/** What a jitter buffer adds is worth a word from here on, in milliseconds. */
const NOTABLE_MS = 20;

/**
 * Says what speech is like.
 *
 * @param lossFraction 0 to 1.
 */
export function describeSpeech({ networkMs, playedMs: oneWayMs }: SpeechDelay, lossFraction: number): string {
  const isBuffered = oneWayMs - networkMs >= NOTABLE_MS;
  const way = `${inMilliseconds(isBuffered ? oneWayMs : networkMs)} from one person to the other`;
  const delay = isBuffered ? `${way}, jitter buffer included` : way;
  const grade = speechGrade(meanOpinionScore(oneWayMs, lossFraction));
  if (grade === 'good') return `Speech is good, with a delay of ${delay}.`;
  const isGoodOtherwise = (otherMs: number, otherLoss: number) =>
    speechGrade(meanOpinionScore(otherMs, otherLoss)) === 'good';
  const culprits = [
    ...(isGoodOtherwise(0, lossFraction) || !isGoodOtherwise(oneWayMs, 0) ? [`the delay (${delay})`] : []),
    ...(isGoodOtherwise(oneWayMs, 0) || !isGoodOtherwise(0, lossFraction)
      ? [`the lost packets (${inPercent(lossFraction)})`]
      : []),
  ];
  return `Speech is ${consequences[grade]}. The reason: ${culprits.join(' and ')}.`;
}

const consequences = {
  fair: 'fair: some people will complain',
  poor: 'poor: many people will complain',
  bad: 'bad: hardly anybody will want to talk',
} as const;
