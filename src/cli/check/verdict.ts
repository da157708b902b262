import type { RungName } from '../../ladder/rung.ts';
import { type CheckReport, reachesTheEnd, type ThresholdName } from './report.ts';
import { stepTitle } from './step-title.ts';

/** What a check comes to, in one sentence. */
export function verdictOf(report: CheckReport): string {
  const { url, rungs, alternatives = [], security, thresholds = [] } = report;
  if (!reachesTheEnd(report)) {
    return `${url} does not work: it fails at the step "${stepTitle(rungs.at(-1)?.name ?? firstStep)}".`;
  }
  const does = url.startsWith('stun') ? 'answers' : 'relays';
  const failing = alternatives.filter((way) => way.notOffered === undefined && !reachesTheEnd(way));
  const broken = thresholds.filter(({ kept }) => !kept);
  const buts = [
    ...(security?.safe === false ? ['it is not safe'] : []),
    ...(broken.length > 0 ? [sentences(broken.map(({ name }) => thresholdWords[name]))] : []),
    ...(failing.length > 0
      ? [`${sentences(failing.map((way) => way.url))} ${failing.length === 1 ? 'does' : 'do'} not`]
      : []),
  ];
  if (buts.length > 0) return `${url} ${does}, but ${sentences(buts)}.`;
  if (rungs.some(({ facts }) => facts.reachableByPeers === false || facts.reachableFromHere === false)) {
    return `${url} relays between its own clients, but peers elsewhere may not reach its relayed addresses: read the notes above.`;
  }
  const notes = [report, ...alternatives].some((way) => way.rungs.some(({ warnings }) => warnings.length > 0));
  return `${url} ${does}${notes ? ', but read the notes above' : ''}.`;
}

const firstStep: RungName = 'resolve';

const thresholdWords: Readonly<Record<ThresholdName, string>> = {
  'max-rtt': 'its round trip is not within --max-rtt',
  'max-loss': 'its loss is not within --max-loss',
  'min-bitrate': 'its bandwidth does not reach --min-bitrate',
};

/** `a, b and c` */
function sentences(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
