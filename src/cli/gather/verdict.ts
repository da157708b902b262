import type { GatherReport } from '../../ice/report.ts';

/** Exit codes of `taciturn gather`. */
export const GatherExitCode = { everyServerAnswered: 0, oneFailed: 2, noneGiven: 3 } as const;

export interface GatherVerdict {
  readonly exitCode: number;
  readonly sentence: string;
}

/** What a gathering comes to, in one sentence; what is of no use to peers elsewhere is not counted as if it were. */
export function gatherVerdict(report: GatherReport): GatherVerdict {
  const asked = report.servers.filter(({ status }) => status !== 'not-asked');
  if (report.servers.length === 0) {
    const sentence =
      report.policy === 'relay'
        ? 'No server was given, and with --policy relay there are no other candidates. Give one with --ice-server turn:HOST.'
        : 'No server was given, so there are host candidates only: they reach peers in the same network. Give a server with --ice-server.';
    return { exitCode: GatherExitCode.noneGiven, sentence };
  }
  if (asked.length === 0) {
    return {
      exitCode: GatherExitCode.noneGiven,
      sentence:
        'With --policy relay only TURN servers are asked, and none was given. Give one with --ice-server turn:HOST.',
    };
  }
  const failed = asked.filter(({ status }) => status === 'failed').length;
  const gained = gains(report);
  if (failed === 0) {
    const servers =
      asked.length === 1
        ? 'The server answers'
        : asked.length === 2
          ? 'Both servers answer'
          : `All ${asked.length} servers answer`;
    return { exitCode: GatherExitCode.everyServerAnswered, sentence: `${servers}: ${gained}.` };
  }
  const none =
    asked.length === 1
      ? 'The server gives nothing'
      : `${asked.length === 2 ? 'Neither server' : `None of the ${asked.length} servers`} gives what it should`;
  const servers =
    failed === asked.length ? none : `${failed} of ${asked.length} servers ${failed === 1 ? 'fails' : 'fail'}`;
  return { exitCode: GatherExitCode.oneFailed, sentence: `${servers}: ${gained}.` };
}

function gains({ candidates, policy }: GatherReport): string {
  const relays = candidates.filter(({ type }) => type === 'relay');
  const reflexive = candidates.filter(({ type }) => type === 'srflx');
  const host = candidates.filter(({ type }) => type === 'host');
  const flagged = [...relays, ...reflexive].filter(({ flags }) => flags.length > 0).length;
  const counts = [
    ...(policy === 'all' ? [count(host.length, 'host candidate'), count(reflexive.length, 'reflexive one')] : []),
    count(relays.length, policy === 'all' ? 'relayed one' : 'relayed candidate'),
  ];
  const sum = `${counts.slice(0, -1).join(', ')}${counts.length > 1 ? ' and ' : ''}${counts.at(-1)}`;
  const isOnly = flagged === 1 && counts.length === 1 && relays.length === 1;
  if (flagged === 0) return sum;
  if (isOnly) return `${sum}, which peers elsewhere may not reach`;
  return `${sum}; peers elsewhere may not reach ${flagged === 1 ? 'one' : flagged} of them`;
}

function count(number: number, what: string): string {
  if (number === 0) return `no ${what}`;
  return number === 1 ? `one ${what}` : `${number} ${what}s`;
}
