import { parse, relative } from 'node:path';
import type { StartReport } from '../daemon/daemon.ts';
import type { OpenPoint } from '../daemon/listening-points.ts';
import { families, type RelayChoice } from '../daemon/relay-addresses.ts';
import { formatTransportAddress } from '../stun/ip-address.ts';
import { PeerPolicy } from '../turn/peer-policy.ts';
import type { CommandContext } from './command-context.ts';
import { styles } from './styles.ts';

interface StartDetails {
  /** The file of the generated secret; `undefined` when secrets are configured. */
  readonly secretFile: string | undefined;
  readonly json: boolean;
  /** How commands of ours are called here. */
  readonly launcher: string;
}

/**
 * Shows what the daemon chose and why, the new API key if there is one, and lines to paste. Goes to stderr, because stdout
 * is the log; as JSON it goes to stdout. It is the only place that ever shows the key.
 */
export function renderStart(report: StartReport, details: StartDetails, context: CommandContext): void {
  if (details.json) context.streams.stdout.write(`${JSON.stringify(asJson(report), null, 2)}\n`);
  else context.streams.stderr.write(asText(report, details, context));
}

function asText(report: StartReport, { secretFile, launcher }: StartDetails, context: CommandContext): string {
  const { good, faint, bold } = styles(context.streams.stderr, context.environment);
  const lines: string[] = [`${bold(`taciturn ${context.version}`)}`, ''];
  const [first, ...others] = placesListenedOn(report.listeners);
  lines.push(`  listening   ${first ?? 'nowhere'}`);
  for (const other of others) lines.push(`              ${other}`);
  for (const family of families) {
    const choice = report.relays[family];
    const name = family === 'ipv4' ? 'IPv4' : 'IPv6';
    lines.push(
      typeof choice === 'string' ? `  relay ${name}  none ${faint(`— ${choice}`)}` : relayLine(name, choice, faint),
    );
    if (typeof choice !== 'string') lines.push(...externalLines(family, choice, faint));
  }
  const { name, why, workers } = report.plane;
  const threads = workers === 0 ? '' : workers === 1 ? ', one thread' : `, ${workers} threads`;
  lines.push(`  data plane  ${name}${threads} ${faint(`— ${why}`)}`);
  lines.push(`  HTTP        ${report.http ?? 'switched off'}`);
  const { adminApiKey } = report.made;
  if (adminApiKey !== undefined) {
    lines.push(
      '',
      `  ${bold('Your API key')} ${faint('(shown this once; only its hash is kept)')}`,
      `    ${good(adminApiKey)}`,
    );
  }
  const turn = report.urls.find((url) => url.startsWith('turn:'));
  if (report.http !== undefined) {
    const key = adminApiKey ?? 'YOUR-API-KEY';
    lines.push('', '  Get a credential for an app:');
    lines.push(`    curl -X POST -H 'Authorization: Bearer ${key}' ${report.http}/v1/credentials`);
  }
  if (turn !== undefined) {
    const secret = secretFile === undefined ? 'YOUR-SECRET-FILE' : shortest(secretFile, context.workingDirectory);
    lines.push('', '  Prove that a relay works:');
    lines.push(`    ${launcher} check '${turn}' --no-quality --secret-file ${secret}`);
  }
  return `${lines.join('\n')}\n\n`;
}

/** `UDP, TCP and TLS 192.0.2.1:3478`: one line for each address and port. */
function placesListenedOn(points: readonly OpenPoint[]): readonly string[] {
  const transports = new Map<string, string[]>();
  for (const { transport, local } of points) {
    const place = formatTransportAddress(local);
    transports.set(place, [...(transports.get(place) ?? []), transport.toUpperCase()]);
  }
  return [...transports].map(([place, names]) => `${names.join(', ').replace(/, (\w+)$/, ' and $1')} ${place}`);
}

function relayLine(name: string, { relay }: RelayChoice, faint: (text: string) => string): string {
  return `  relay ${name}  ${relay.ip.text} ${faint(`— ${relay.why}`)}`;
}

/** The external address, and a word of warning when people elsewhere cannot reach it. */
function externalLines(family: string, { relay, external }: RelayChoice, faint: (text: string) => string): string[] {
  const lines = [`  external    ${external.ip.text} ${faint(`— ${external.why}`)}`];
  if (!onlyDefaults.judge(external.ip).reachable) {
    const same = external.ip.text === relay.ip.text;
    lines.push(
      `              ${faint(`not a public address${same ? `; behind a NAT set relay.${family}.external` : ''}`)}`,
    );
  }
  return lines;
}

const onlyDefaults = new PeerPolicy({ allow: [], deny: [] });

/** Relative below the working directory. Who reads the log of a service is not in `/`, where that works. */
function shortest(path: string, workingDirectory: string): string {
  const fromHere = relative(workingDirectory, path);
  return fromHere.startsWith('..') || parse(workingDirectory).root === workingDirectory ? path : fromHere;
}

function asJson(report: StartReport): object {
  const relays = families.map((family) => {
    const choice = report.relays[family];
    if (typeof choice === 'string') return [family, { why: choice }];
    const { relay, external } = choice;
    return [
      family,
      {
        address: relay.ip.text,
        why: relay.why,
        external: external.ip.text,
        externalWhy: external.why,
      },
    ];
  });
  return {
    schema: 1,
    listening: report.listeners.map(({ transport, local }) => ({
      transport,
      address: local.ip.text,
      port: local.port,
    })),
    relays: Object.fromEntries(relays),
    http: report.http ?? null,
    urls: report.urls,
    plane: report.plane.name,
    planeWhy: report.plane.why,
    workers: report.plane.workers,
    apiKey: report.made.adminApiKey ?? null,
    notices: report.notices,
  };
}
