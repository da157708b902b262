import type { Finding, NotFound } from '../nat/finding.ts';
import type { Diagnosis, FamilyReport, PeerKind, ServerReport, TransportReport, Verdict } from '../nat/report.ts';
import type { CommandContext } from './command-context.ts';
import { visible } from './operator/table.ts';
import { styles } from './styles.ts';
import { point, wrap } from './wrapped-text.ts';

/** Lines are not longer than this, nor than the terminal. */
const mostColumns = 100;
/** Below this nothing can be laid out. */
const leastColumns = 60;

const peerTitles: readonly (readonly [PeerKind, string])[] = [
  ['public', 'somebody with a public address'],
  ['full-cone', 'a home router that lets everybody in (full cone)'],
  ['restricted-cone', 'a home router that checks addresses (restricted cone)'],
  ['port-restricted-cone', 'a usual home router (port-restricted cone)'],
  ['symmetric', 'a strict office or mobile network (symmetric)'],
];

const outcomeWords = { direct: 'direct', relay: 'relay', uncertain: 'uncertain' } as const;

/** The verdict first, then why, what to do, and the evidence. */
export function renderDiagnosis(diagnosis: Diagnosis, context: CommandContext): void {
  const { streams } = context;
  const page = new Page(context);
  page.verdict(diagnosis.verdict);
  page.list('Why', diagnosis.verdict.reasons);
  page.list('What to do', diagnosis.verdict.advice);
  page.peers(diagnosis.verdict);
  page.evidence(diagnosis);
  streams.stdout.write(`${page.lines.join('\n')}\n`);
}

/** All of it as one document. */
export function renderDiagnosisJson(diagnosis: Diagnosis, { streams }: CommandContext): void {
  streams.stdout.write(`${JSON.stringify(diagnosis, null, 2)}\n`);
}

/** How many columns there are for text. */
export function textColumns({ streams }: Pick<CommandContext, 'streams'>): number {
  const { columns = mostColumns } = streams.stdout as { readonly columns?: number };
  return streams.stdout.isTTY ? Math.max(leastColumns, Math.min(columns, mostColumns)) : mostColumns;
}

interface Row {
  readonly title: string;
  readonly value: string;
  readonly sure: string;
  readonly time: string;
  readonly note: string;
}

class Page {
  readonly lines: string[] = [];
  readonly #columns: number;
  readonly #styles: ReturnType<typeof styles>;

  constructor(context: CommandContext) {
    this.#columns = textColumns(context);
    this.#styles = styles(context.streams.stdout, context.environment);
  }

  verdict({ relay, confidence, sentence }: Verdict): void {
    const { good, bad, warning, bold, faint } = this.#styles;
    const style = { 'not-needed': good, sometimes: good, needed: bad, unknown: warning }[relay];
    for (const line of wrap(visible(sentence), this.#columns)) this.lines.push(bold(style(line)));
    if (relay === 'unknown') return;
    const what = '(A relay, or TURN server, passes on what two sides cannot send directly.)';
    const sure = `How sure that is: ${confidence}.${relay === 'not-needed' ? '' : ` ${what}`}`;
    this.lines.push(...wrap(sure, this.#columns).map(faint));
  }

  list(title: string, points: readonly string[]): void {
    if (points.length === 0) return;
    this.#heading(title);
    for (const text of points) this.lines.push(...point(visible(text), this.#columns));
  }

  peers({ peers }: Verdict): void {
    if (Object.values(peers).every((one) => one === 'uncertain')) return;
    const { good, warning, bad } = this.#styles;
    const style = { direct: good, relay: bad, uncertain: warning };
    this.#heading('How calls connect, by who is on the other side');
    const width = Math.max(...peerTitles.map(([, title]) => title.length));
    for (const [kind, title] of peerTitles) {
      this.lines.push(`  ${title.padEnd(width)}  ${style[peers[kind]](outcomeWords[peers[kind]])}`);
    }
  }

  evidence(diagnosis: Diagnosis): void {
    const { startedAt, elapsedMs, ipv4, ipv6, nat64, gateway, captivePortal } = diagnosis;
    this.#heading(`Evidence (${when(startedAt)}, ${(elapsedMs / 1000).toFixed(1)} s)`);
    const absent = new Map<string, string[]>();
    this.#family('IPv4', ipv4, absent);
    this.#family('IPv6', ipv6, absent);
    const around = [
      ...row('NAT64', nat64, ({ prefix }) => prefix ?? 'yes, prefix unknown'),
      ...row('router', gateway, gatewayText),
      ...row('login page', captivePortal, ({ captured }) => (captured ? 'yes' : 'no')),
    ];
    collect(absent, '', [
      ['NAT64', nat64],
      ['router', gateway],
      ['login page', captivePortal],
    ]);
    if (around.length > 0 || diagnosis.interfaces.length > 0) this.#part('Surroundings');
    this.#rows(around);
    for (const { name, addresses, kind, isDefault } of diagnosis.interfaces) {
      const text = `${visible(name)}: ${kind}${isDefault ? ', leads to the servers' : ''}, ${addresses.map(visible).join(', ')}`;
      this.#hanging('interface', text);
    }
    this.#transports(diagnosis.transports);
    this.#servers(diagnosis.servers);
    if (absent.size > 0) this.#part('Not known, or not tested');
    for (const [why, titles] of absent) this.lines.push(...point(`${titles.join(', ')}: ${why}`, this.#columns));
  }

  #family(name: string, report: FamilyReport, absent: Map<string, string[]>): void {
    const { udp } = report;
    if (udp.state !== 'found') {
      collect(absent, '', [[name, udp]]);
      return;
    }
    this.#part(name);
    const rows = row('UDP', udp, (value) => udpWords[value]);
    if (udp.value === 'works') {
      rows.push(...row('translated', report.translated, (value) => (value ? 'yes (NAT)' : 'no')));
      rows.push(...row('mapping', report.mapping, String));
      rows.push(...row('filtering', report.filtering, String));
      rows.push(...row('address kept', report.stable, (value) => (value ? 'yes' : 'no, it changes')));
      const { unsolicitedKeepsMapping = notAsked } = report;
      rows.push(
        ...row('unsolicited', unsolicitedKeepsMapping, (value) => (value ? 'change nothing' : 'take the port')),
      );
      rows.push(...row('pooling', report.pooling, (value) => (value ? 'several addresses' : 'one address')));
      rows.push(...row('ports', report.ports, portsText));
      rows.push(...row('lifetime', report.lifetime, lifetimeText));
      rows.push(...row('hairpin', report.hairpin, yesNo));
      rows.push(...row('fragments', report.fragments, (value) => (value ? 'get through' : 'lost')));
      rows.push(...row('rewriting', report.rewriting, (value) => (value ? 'yes (ALG)' : 'no')));
      collect(absent, `${name} `, [
        ['translation', report.translated],
        ['mapping', report.mapping],
        ['filtering', report.filtering],
        ['address kept', report.stable],
        ['unsolicited packets', unsolicitedKeepsMapping],
        ['pooling', report.pooling],
        ['ports', report.ports],
        ['lifetime', report.lifetime],
        ['hairpin', report.hairpin],
        ['fragments', report.fragments],
        ['rewriting', report.rewriting],
      ]);
      if (report.local !== null) this.#hanging('this machine', visible(report.local));
      if (report.mapped.length > 0) this.#hanging('seen as', report.mapped.map(visible).join(', '));
      if (report.classicName !== null) this.#hanging('called', report.classicName);
    }
    this.#rows(rows);
  }

  #rows(rows: readonly Row[]): void {
    const { faint } = this.#styles;
    for (const { title, value, sure, time, note } of rows) {
      const wide = value.length > valueWidth;
      const start = `  ${faint(title.padEnd(titleWidth))}  ${value.padEnd(valueWidth)}  ${sure.padEnd(sureWidth)}  ${time.padStart(timeWidth)}`;
      const indent = 2 + titleWidth + 2 + valueWidth + 2 + sureWidth + 2 + timeWidth + 2;
      const room = this.#columns - indent;
      if (wide || room < leastNote) {
        this.#hanging(title, value);
        this.#hanging('', `(${sure}, ${time}) ${note}`, faint);
        continue;
      }
      wrap(note, room).forEach((line, i) => {
        this.lines.push(`${i === 0 ? `${start}  ` : ' '.repeat(indent)}${faint(line)}`.trimEnd());
      });
    }
  }

  #transports(transports: readonly TransportReport[]): void {
    const tried = transports.filter(({ outcome }) => outcome !== 'not-tested');
    if (tried.length === 0) return;
    this.#part('What gets through to the servers, by port');
    const ports = [...new Set(tried.map(({ port }) => port))].sort((a, b) => portRank(a) - portRank(b) || a - b);
    const { faint, good } = this.#styles;
    this.lines.push(
      `  ${' '.repeat(titleWidth)}  ${faint(
        ports
          .map((port) => String(port).padEnd(cellWidth))
          .join('')
          .trimEnd(),
      )}`,
    );
    for (const family of ['ipv4', 'ipv6'] as const) {
      for (const transport of ['udp', 'tcp', 'tls'] as const) {
        const of = tried.filter((one) => one.family === family && one.transport === transport);
        if (of.length === 0) continue;
        const cells = ports.map((port) => cell(of.filter((one) => one.port === port)));
        const shown = cells.map((text) => (text.startsWith('open') ? good : faint)(text.padEnd(cellWidth)));
        const title = `${transport.toUpperCase()} ${family === 'ipv4' ? 'IPv4' : 'IPv6'}`;
        this.lines.push(`  ${faint(title.padEnd(titleWidth))}  ${shown.join('').trimEnd()}`);
      }
    }
    for (const one of tried.filter(({ outcome }) => outcome === 'intercepted')) {
      this.lines.push(
        ...point(
          visible(`${one.transport.toUpperCase()} ${one.server} port ${one.port}: ${one.detail}`),
          this.#columns,
        ),
      );
    }
  }

  #servers(servers: readonly ServerReport[]): void {
    if (servers.length === 0) return;
    this.#part('Servers');
    for (const { server, addresses, qualification, roundTripMs, notes } of servers) {
      const kind =
        qualification.state === 'found' ? qualificationWords[qualification.value] : visible(qualification.why);
      const time = roundTripMs === null ? '' : `, ${milliseconds(roundTripMs)}`;
      const list = addresses.length === 0 ? '' : ` (${addresses.join(', ')})`;
      this.lines.push(...point(`${visible(server + list)}: ${kind}${time}`, this.#columns));
      for (const note of notes)
        this.lines.push(...wrap(visible(note), this.#columns - 6).map((line) => `      ${line}`));
    }
  }

  #hanging(title: string, text: string, style = (line: string) => line): void {
    const { faint } = this.#styles;
    wrap(text, this.#columns - titleWidth - 4).forEach((line, i) => {
      this.lines.push(`  ${faint((i === 0 ? title : '').padEnd(titleWidth))}  ${style(line)}`);
    });
  }

  #heading(title: string): void {
    this.lines.push('', this.#styles.bold(title));
  }

  #part(title: string): void {
    this.lines.push(` ${this.#styles.bold(title)}`);
  }
}

/** Of a report from before this was tested. */
const notAsked: NotFound = { state: 'not-tested', why: 'The report does not say.' };

const titleWidth = 'address kept'.length;
const valueWidth = 'address-and-port-dependent'.length;
const sureWidth = 'medium'.length;
const timeWidth = '1.5 s'.length + 1;
const cellWidth = 15;
const leastNote = 24;

const udpWords = {
  works: 'works',
  blocked: 'blocked',
  rejected: 'rejected',
  'no-address': 'no address',
  'no-route': 'no route',
} as const;

const qualificationWords = {
  rfc5780: 'answers all tests (RFC 5780)',
  plain: 'plain STUN, tells only how it sees this machine',
} as const;

/** The best comes first: what one server makes possible is possible. */
const outcomes: readonly TransportReport['outcome'][] = [
  'open',
  'intercepted',
  'rejected',
  'dropped',
  'no-route',
  'not-tested',
];

const outcomeTexts: Readonly<Record<TransportReport['outcome'], string>> = {
  open: 'open',
  intercepted: 'intercepted',
  rejected: 'rejected',
  dropped: 'no answer',
  'no-route': 'no route',
  'not-tested': '-',
};

function row<T>(title: string, finding: Finding<T>, words: (value: T) => string): Row[] {
  if (finding.state !== 'found') return [];
  const { value, confidence, evidence, elapsedMs } = finding;
  return [
    { title, value: visible(words(value)), sure: confidence, time: milliseconds(elapsedMs), note: visible(evidence) },
  ];
}

/** Puts together what is not known for the same reason. */
function collect(
  into: Map<string, string[]>,
  prefix: string,
  findings: readonly (readonly [title: string, finding: Finding<unknown>])[],
): void {
  for (const [title, finding] of findings) {
    if (finding.state === 'found') continue;
    const why = `${stateWords[finding.state]}. ${visible(finding.why)}`;
    into.set(why, [...(into.get(why) ?? []), `${prefix}${title}`]);
  }
}

const stateWords: Readonly<Record<NotFound['state'], string>> = { unknown: 'unknown', 'not-tested': 'not tested' };

function cell(attempts: readonly TransportReport[]): string {
  const best = attempts.toSorted(
    (a, b) => outcomes.indexOf(a.outcome) - outcomes.indexOf(b.outcome) || a.elapsedMs - b.elapsedMs,
  )[0];
  if (best === undefined) return '-';
  return best.outcome === 'open' ? `open ${milliseconds(best.elapsedMs)}` : outcomeTexts[best.outcome];
}

function portRank(port: number): number {
  const rank = [3478, 5349, 443, 80].indexOf(port);
  return rank < 0 ? Number.POSITIVE_INFINITY : rank;
}

function gatewayText({
  address,
  protocol,
  wanAddress,
  nats,
  carrierNat,
}: Extract<Diagnosis['gateway'], { state: 'found' }>['value']): string {
  const count = { none: 'no NAT', one: 'one NAT', 'two-or-more': 'two NATs or more', unknown: 'NATs unknown' }[nats];
  return [
    ...(address === null ? [] : [address]),
    ...(wanAddress === null ? [] : [`outside ${wanAddress}${protocol === null ? '' : ` (${protocol})`}`]),
    count,
    ...(carrierNat ? ['carrier-grade NAT'] : []),
  ].join(', ');
}

function portsText({
  allocation,
  parityPreserved,
  step,
  span,
}: Extract<FamilyReport['ports'], { state: 'found' }>['value']): string {
  switch (allocation) {
    case 'preserving':
      return 'kept as they are';
    case 'sequential':
      return `in sequence${step === null ? '' : ` (${step > 0 ? '+' : ''}${step})`}`;
    case 'block':
      return `from a block of ${span}`;
    case 'random':
      return parityPreserved ? 'random, parity kept' : 'random';
  }
}

function lifetimeText({
  aliveAfterSeconds,
  goneAfterSeconds,
}: {
  readonly aliveAfterSeconds: number;
  readonly goneAfterSeconds: number | null;
}): string {
  return goneAfterSeconds === null
    ? `more than ${aliveAfterSeconds} s`
    : `${aliveAfterSeconds} s to ${goneAfterSeconds} s`;
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

function milliseconds(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`;
}

function when(startedAt: string): string {
  return visible(startedAt.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC'));
}
