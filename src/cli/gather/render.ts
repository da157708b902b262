import type { CandidateError, GatheredCandidate, GatherReport } from '../../ice/report.ts';
import { formatCandidate } from '../../ice/sdp.ts';
import type { Advice } from '../../ladder/advice.ts';
import { formatMilliseconds } from '../../ladder/ladder.ts';
import type { CommandContext } from '../command-context.ts';
import { explanation, sentenceColumns } from '../explanation.ts';
import { visible } from '../operator/table.ts';
import { styles } from '../styles.ts';
import { wrap } from '../wrapped-text.ts';
import type { GatherVerdict } from './verdict.ts';

const titles = {
  type: 'type',
  protocol: 'protocol',
  address: 'address',
  priority: 'priority',
  time: 'time',
  via: 'via',
};
/** As wide as most of what stands there; what is wider moves the rest of its line. */
const widths = { type: 5, protocol: 11, address: 23, priority: 10, time: 7 } as const;
/** `<uuid>.local:PORT` */
const mdnsAddressWidth = 48;

/** Shows candidates and errors as they come, and the summary in the end. */
export class GatherPage {
  readonly #context: CommandContext;
  readonly #addressWidth: number;
  readonly #styles: ReturnType<typeof styles>;
  #rows = 0;
  /** What is true of several candidates, or from several addresses, is said once. */
  readonly #said = new Set<string>();

  /** @param mdns whether there are names in place of addresses, which are longer */
  constructor(context: CommandContext, mdns: boolean) {
    this.#context = context;
    this.#addressWidth = mdns ? mdnsAddressWidth : widths.address;
    this.#styles = styles(context.streams.stdout, context.environment);
  }

  candidate(candidate: GatheredCandidate): void {
    const { type, protocol, tcpType, priority, elapsedMs, flags } = candidate;
    if (this.#rows++ === 0) this.#write([this.#styles.faint(this.#row(titles, (text) => text))]);
    const row = this.#row(
      {
        type,
        protocol: tcpType === undefined ? protocol : `${protocol} ${tcpType}`,
        address: endpointText(candidate),
        priority: String(priority),
        time: formatMilliseconds(elapsedMs),
        via: visible(viaText(candidate)) + (flags.length > 0 ? ` ${this.#styles.warning('!')}` : ''),
      },
      this.#styles.faint,
    );
    this.#write([row, ...this.#explanations(flags)]);
  }

  error({ url, errorCode, errorText, address, server, problem }: CandidateError): void {
    const { bad, warning } = this.#styles;
    const way = [server === null ? '' : ` at ${server}`, address === null ? '' : ` from ${address}`].join('');
    // Where the server answers otherwise, nothing has failed.
    const [mark, style] = problem.code === 'no_answer_here' ? ['!', warning] : ['✗', bad];
    this.#write([
      `${style(mark)} ${visible(url)}${way}: ${style(`${errorCode} ${visible(errorText)}`)}`,
      ...this.#explanations([problem], mark === '!' ? 'note' : 'cause'),
    ]);
  }

  summary(report: GatherReport, { sentence, exitCode }: GatherVerdict): void {
    const { good, bad, warning, bold, faint } = this.#styles;
    const lines: string[] = [];
    for (const { url, status, flags } of report.servers) {
      if (status === 'not-asked') lines.push(faint(`  ${visible(url)}: not asked, as it gives no relay`));
      const notes = this.#explanations(flags);
      if (notes.length > 0) lines.push(`  ${visible(url)}`, ...notes);
    }
    lines.push(...this.#explanations(report.flags));
    const style = exitCode === 0 ? good : exitCode === 2 ? bad : warning;
    lines.push('', ...wrap(sentence, sentenceColumns(this.#context)).map((line) => bold(style(line))));
    lines.push(faint(`Gathered in ${inSeconds(report.elapsedMs)}.`));
    this.#write(lines);
  }

  #row(cells: Readonly<Record<keyof typeof titles, string>>, faint: (text: string) => string): string {
    const { type, protocol, address, priority, time, via } = cells;
    return [
      type.padEnd(widths.type),
      protocol.padEnd(widths.protocol),
      address.padEnd(this.#addressWidth),
      priority.padStart(widths.priority),
      faint(time.padStart(widths.time)),
      via,
    ].join('  ');
  }

  #explanations(all: readonly Advice[], label: 'cause' | 'note' = 'note'): string[] {
    const fresh = all.filter(({ cause }) => !this.#said.has(cause));
    for (const { cause } of fresh) this.#said.add(cause);
    const { bad, warning } = this.#styles;
    const style = label === 'cause' ? bad : warning;
    return fresh.flatMap((one) => explanation(one, label, style, sentenceColumns(this.#context)));
  }

  #write(lines: readonly string[]): void {
    this.#context.streams.stdout.write(`${lines.join('\n')}\n`);
  }
}

/** One `a=candidate` line, as it stands in a session description. */
export function renderSdp(candidate: GatheredCandidate, { streams }: CommandContext): void {
  streams.stdout.write(`a=${formatCandidate(candidate)}\n`);
}

/** Everything as one document. */
export function renderGatherJson(report: GatherReport, verdict: GatherVerdict, { streams }: CommandContext): void {
  const { sentence } = verdict;
  const candidates = report.candidates.map((candidate) => ({ ...candidate, candidate: formatCandidate(candidate) }));
  const passed = verdict.exitCode === 0;
  streams.stdout.write(`${JSON.stringify({ schema: 1, passed, verdict: sentence, ...report, candidates }, null, 2)}\n`);
}

function inSeconds(ms: number): string {
  return ms < 1000 ? formatMilliseconds(ms) : `${(ms / 1000).toFixed(1)} s`;
}

function endpointText({ address, port }: GatheredCandidate): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function viaText({ type, url, relayProtocol, networkInterface }: GatheredCandidate): string {
  if (type === 'host') return networkInterface;
  return relayProtocol === undefined ? url! : `${url} (${relayProtocol})`;
}
