import type { QualityProgress } from '../../quality/measure.ts';
import { inBits, inMilliseconds, inPercent } from '../../quality/quantities.ts';
import type { Bandwidth, QualityReport } from '../../quality/report.ts';
import { speechGrade } from '../../quality/speech.ts';
import type { CommandContext } from '../command-context.ts';
import { textColumns } from '../render-diagnosis.ts';
import { styles } from '../styles.ts';
import { point, wrap } from '../wrapped-text.ts';

/** What kept the bandwidth from being more, for people. */
const limits: Readonly<Record<Bandwidth['limitedBy'], string>> = {
  delay: 'limited by delay: with more, packets queue up',
  loss: 'limited by loss: with more, packets are lost',
  asked: 'as much as was to be tried; there may be more',
  time: 'as much as there was time to try; there may be more',
};

const note =
  'The packets went from this machine to the relay and back: the bandwidth is that of the narrower direction, all else is of both ' +
  "together. In a call the other person's path takes the place of the way back; measure from there as well.";

/** Shows what a relay is like for a call: the figures, then what they mean. */
export function renderQuality(report: QualityReport, context: CommandContext): void {
  const { streams, environment } = context;
  const style = styles(streams.stdout, environment);
  const columns = textColumns(context);
  const { packets, meaning } = report;
  const sentences = meaning.sentences.flatMap((sentence) => point(sentence, columns));
  const lines = ['', style.bold(`Quality (measured for ${(report.durationMs / 1000).toFixed(1)} s)`)];
  if (packets.received === 0) lines.push(...sentences.map(style.bad));
  else {
    lines.push(...figureLines(report, style, columns));
    lines.push('', style.bold('What it means for a call'), ...sentences);
    lines.push(...wrap(note, columns - 2).map((line) => style.faint(`  ${line}`)));
  }
  streams.stdout.write(`${lines.join('\n')}\n`);
}

/** The figures in one line, as for the other ways to the same server. */
export function qualitySummary({ packets, roundTripMs, jitterMs, bandwidth, mos }: QualityReport): string {
  if (packets.received === 0) return `nothing came back of ${count(packets.sent, 'packet')}`;
  return [
    `round trip ${inMilliseconds(roundTripMs.p50)} (p95 ${inMilliseconds(roundTripMs.p95)})`,
    `jitter ${inMilliseconds(jitterMs)}`,
    `loss ${inPercent(packets.lossFraction)}`,
    inBits(bandwidth.bitsPerSecond),
    `MOS ${mos.toFixed(1)}`,
  ].join(' · ');
}

/** How the measurement goes, for a line that is written over. */
export function progressLine(progress: QualityProgress): string {
  const { phase, elapsedMs, durationMs, bitsPerSecond, roundTripMs, lossFraction } = progress;
  const seconds = `${Math.floor(elapsedMs / 1000)} of ${Math.round(durationMs / 1000)} s`;
  const figures = [
    ...(roundTripMs === undefined ? [] : [`round trip ${inMilliseconds(roundTripMs)}`]),
    ...(lossFraction === undefined ? [] : [`loss ${inPercent(lossFraction)}`]),
    ...(bitsPerSecond === undefined ? [] : [`${inBits(bitsPerSecond)}${phase === 'bandwidth' ? ' so far' : ''}`]),
  ];
  const what = phase === 'bandwidth' ? 'looking for the bandwidth' : 'measuring delay and loss';
  return `${what}, ${seconds}${figures.length > 0 ? `: ${figures.join(' · ')}` : ''}`;
}

interface Figure {
  readonly title: string;
  readonly value: string;
  readonly more: string;
  readonly style: (text: string) => string;
}

type Styles = ReturnType<typeof styles>;

function figureLines(report: QualityReport, style: Styles, columns: number): string[] {
  const figures = figuresOf(report, style);
  const titleWidth = Math.max(...figures.map(({ title }) => title.length));
  const valueWidth = Math.max(...figures.map(({ value }) => value.length));
  return figures.flatMap((figure) =>
    wrap(figure.more, columns - titleWidth - valueWidth - 6).map((line, i) => {
      const [title, value] = i === 0 ? [figure.title, figure.value] : ['', ''];
      return `  ${title.padEnd(titleWidth)}  ${figure.style(value.padEnd(valueWidth))}  ${style.faint(line)}`;
    }),
  );
}

function figuresOf(report: QualityReport, { good, warning, bad, bold }: Styles): readonly Figure[] {
  const { packets, roundTripMs, jitterMs, bandwidth, mos } = report;
  const { p50, p95, p99 } = roundTripMs;
  const oddities = [
    ...(packets.longestBurst > 1 ? [`at most ${packets.longestBurst} in a row`] : []),
    ...(packets.reordered > 0 ? [`${count(packets.reordered)} out of order`] : []),
    ...(packets.duplicated > 0 ? [`${count(packets.duplicated)} twice`] : []),
  ];
  return [
    {
      title: 'round trip',
      value: inMilliseconds(p50),
      more: `95 % within ${inMilliseconds(p95)}, 99 % within ${inMilliseconds(p99)}, jitter ${inMilliseconds(jitterMs)}`,
      style: bold,
    },
    {
      title: 'loss',
      value: inPercent(packets.lossFraction),
      more: [`${count(packets.lost)} of ${count(packets.sent, 'packet')}`, ...oddities].join(', '),
      style: { 'none-needed': good, nack: warning, fec: warning, 'nack-and-fec': bad }[report.meaning.repair],
    },
    {
      title: 'bandwidth',
      value: inBits(bandwidth.bitsPerSecond),
      more: limits[bandwidth.limitedBy],
      style: bold,
    },
    {
      title: 'speech',
      value: `MOS ${mos.toFixed(1)}`,
      more: 'an estimate by the E-model; 4.5 is the best',
      style: { good, fair: warning, poor: bad, bad }[speechGrade(mos)],
    },
  ];
}

function count(number: number, of?: string): string {
  const digits = number.toLocaleString('en-US');
  return of === undefined ? digits : `${digits} ${of}${number === 1 ? '' : 's'}`;
}
