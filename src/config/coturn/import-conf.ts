import { loadConfiguration } from '../load-configuration.ts';
import { nearest } from '../nearest.ts';
import type { ConfigProblem } from '../problem.ts';
import { accessDirectives } from './access-directives.ts';
import { Conf, type ConfLine, parseConfFile } from './conf-file.ts';
import type { Directive } from './directive.ts';
import { Draft } from './draft.ts';
import { type Fate, noCounterpart, refusedLine } from './fate.ts';
import { listeningDirectives } from './listening-directives.ts';
import { operationDirectives } from './operation-directives.ts';
import { relayDirectives } from './relay-directives.ts';
import { renderYaml, type SecretFile } from './render-yaml.ts';

/** All directives that are known, of coturn 4.5 and later. */
export const directives: ReadonlyMap<string, Directive> = new Map(
  [listeningDirectives, relayDirectives, accessDirectives, operationDirectives].flatMap((theme) =>
    Object.entries(theme),
  ),
);

export interface ImportedLine {
  /** Counted from 1. */
  readonly line: number;
  readonly directive: string;
  readonly fate: Fate;
}

export interface ImportedConf {
  /** What becomes of each line that says something, in their order. */
  readonly lines: readonly ImportedLine[];
  /** Differences that no single line is the cause of. */
  readonly notes: readonly string[];
  /** The configuration. The loader has accepted it. */
  readonly yaml: string;
  readonly secretFiles: readonly SecretFile[];
}

export interface ImportOptions {
  /** The name of the file, for the head of the new one. */
  readonly name: string;
  /** Where relative paths in it start. */
  readonly directory: string;
  /** Where a secret goes, by a name for it; without it secrets are written into the configuration itself. */
  readonly secretFile?: (name: string) => string;
}

/**
 * Turns a `turnserver.conf` into a configuration of ours, and says what becomes of each line. What the loader does not
 * take is refused with the loader's reason, so that what comes out always passes `config check`.
 */
export function importConf(text: string, options: ImportOptions): ImportedConf {
  const conf = new Conf(parseConfFile(text), options.directory);
  const refusals = new Map<number, string>();
  for (;;) {
    const draft = new Draft();
    const lines = conf.lines.map((line) => ({
      line: line.number,
      directive: shownName(line),
      fate: fateOf(line, conf, draft, refusals.get(line.number)),
    }));
    const head = [
      `Imported from ${options.name.replaceAll(/\p{Cc}/gu, '?')}. The number behind a value is the line there.`,
    ];
    const problems = problemsOf(renderYaml(draft, head).yaml);
    if (problems.length === 0) {
      return { lines, notes: notes(conf, draft), ...renderYaml(draft, head, options.secretFile) };
    }
    for (const problem of problems) {
      for (const line of blame(problem, draft)) refusals.set(line, reasonOf(problem));
    }
  }
}

function fateOf(line: ConfLine, conf: Conf, draft: Draft, refusal: string | undefined): Fate {
  if (refusal !== undefined) return refusedLine(refusal);
  if (`${line.name}${line.value ?? ''}`.includes('\uFFFD')) return refusedLine('it is no UTF-8');
  const directive = directives.get(line.name);
  if (directive === undefined) {
    const name = shownName(line);
    const meant = name === '' ? undefined : nearest(name, directives.keys());
    return refusedLine(`coturn knows no such directive${meant ? `; did you mean ${meant}?` : ''}`);
  }
  const last = conf.last(line.name)!;
  if (!directive.repeats && last !== line)
    return noCounterpart(`line ${last.number} says it again, and the last counts`);
  return directive.take({ line, conf, draft });
}

/** A line without a separator where there should be one may hold a secret right behind its name. */
function shownName({ name }: ConfLine): string {
  return directives.has(name) ? name : /^[\w-]{0,40}/.exec(name)![0];
}

/** What the loader says about the configuration as it stands. */
function problemsOf(yaml: string): readonly ConfigProblem[] {
  const loaded = loadConfiguration({ file: 'imported', text: yaml, environment: {} });
  return loaded.ok ? [] : loaded.problems;
}

/** The lines that a problem comes from. */
function blame({ path }: ConfigProblem, draft: Draft): readonly number[] {
  const [, key = '', index] = /^([^[]*)(?:\[(\d+)\])?/.exec(path)!;
  const entry = draft.entries.get(key);
  const items = index === undefined ? entry?.items : entry?.items.slice(Number(index), Number(index) + 1);
  const lines = (items ?? []).flatMap((item) => item.lines);
  if (lines.length === 0) throw new Error(`the import wrote what no line says: ${path}`);
  return lines;
}

function reasonOf({ found, allowed, reason }: ConfigProblem): string {
  const facts = [
    found === undefined ? '' : `its value, ${found}, is not taken`,
    allowed === undefined ? '' : `allowed is ${allowed}`,
    reason ?? '',
  ];
  return facts
    .filter((fact) => fact !== '')
    .join('; ')
    .replace(/\.$/, '');
}

function notes(conf: Conf, draft: Draft): readonly string[] {
  const given = (key: string) => draft.entries.has(key);
  return [
    given('authentication.sharedSecrets') || given('authentication.users')
      ? ''
      : 'No line gives a credential. coturn would let anybody relay or ask a database; taciturn makes a shared secret at its first start.',
    conf.all('allowed-peer-ip').length > 0
      ? ''
      : 'Peers in private networks are denied here, and by coturn only if it is told so: name a media server there in relay.peers.allow.',
  ].filter((note) => note !== '');
}
