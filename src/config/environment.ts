import { parseDocument } from 'yaml';
import type { Given } from './given.ts';
import { nearest } from './nearest.ts';
import type { ConfigProblem } from './problem.ts';
import type { AnyGroup, AnySetting } from './setting.ts';

const prefix = 'TACITURN_';

/** Variables that start with the prefix and are no configuration keys. */
const otherVariables = new Map([
  ['TACITURN_CONFIG', 'the configuration file, when no --config names one'],
  ['TACITURN_API_KEY', 'the API key for the commands that ask a running server'],
  ['TACITURN_PASSWORD', 'the password for taciturn check and users add'],
  ['TACITURN_SECRET', 'the shared secret for taciturn check'],
  ['TACITURN_FUZZ_MESSAGES', 'how many messages the fuzz test sends'],
  ['TACITURN_FUZZ_SEED', 'the seed of a fuzz run that is to be repeated'],
  ['TACITURN_SOAK_SECONDS', 'how long the soak test lasts'],
  ['TACITURN_TEST_SEED', 'the seed of the tests that use random numbers'],
]);

/** A setting that a variable names, and whether by its `…File` spelling. */
export interface NamedSetting {
  readonly path: readonly string[];
  readonly setting: AnySetting;
  readonly viaFile: boolean;
}

/** `relay.ipv4.address` → `TACITURN_RELAY__IPV4__ADDRESS`. */
export function environmentVariable(path: readonly string[]): string {
  return prefix + path.map((part) => part.replaceAll(/(?<=[a-z0-9])[A-Z]/g, '_$&').toUpperCase()).join('__');
}

/** Every setting of the tree with its path, the `…File` spellings included. */
export function* everySetting(group: AnyGroup, above: readonly string[] = []): Generator<NamedSetting> {
  for (const [key, node] of Object.entries(group.settings)) {
    if (node.kind === 'group') {
      yield* everySetting(node, [...above, key]);
      continue;
    }
    yield { path: [...above, key], setting: node, viaFile: false };
    if (node.fromFile) yield { path: [...above, `${key}File`], setting: node, viaFile: true };
  }
}

/**
 * Finds the settings that environment variables give. Letter case and single underscores do not matter, `__` separates
 * levels.
 */
export function readEnvironment(
  tree: AnyGroup,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly given: readonly Given[]; readonly problems: readonly ConfigProblem[] } {
  const byLooseName = new Map(
    [...everySetting(tree)].map((named) => [looseName(environmentVariable(named.path)), named]),
  );
  const given: Given[] = [];
  const problems: ConfigProblem[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (text === undefined || !variable.toUpperCase().startsWith(prefix)) continue;
    const named = byLooseName.get(looseName(variable));
    if (named) {
      const value = named.viaFile ? text : readText(named.setting, text);
      given.push({ ...named, value, origin: { kind: 'environment', variable } });
    } else if (!otherVariables.has(variable) && !isKubernetesService(variable, text)) {
      problems.push(unknownVariable(variable, byLooseName.values()));
    }
  }
  return { given, problems };
}

/** Turns text from a variable or a flag into what the same text would be in the file. */
export function readText({ shape, secret }: AnySetting, text: string): unknown {
  switch (shape) {
    case 'text':
      return text;
    case 'number':
      return /^-?\d{1,15}(\.\d+)?$/.test(text.trim()) ? Number(text) : text;
    case 'switch':
      if (/^(true|yes|on|1)$/i.test(text)) return true;
      return /^(false|no|off|0)$/i.test(text) ? false : text;
    case 'list':
      // An empty list of secrets would mean that one is generated: not what an empty variable was meant to say.
      return text.trim() === '' && !secret ? [] : readList(text);
  }
}

function readList(text: string): unknown {
  if (/^\s*[[{-]/.test(text)) {
    const document = parseDocument(text, { prettyErrors: false });
    if (document.errors.length === 0 && document.warnings.length === 0) {
      try {
        const value: unknown = document.toJS({ mapAsMap: true, maxAliasCount: 0 });
        if (typeof value === 'object') return value;
      } catch {
        // An alias without an anchor: it was no YAML after all.
      }
    }
  }
  return text.split(',').map((item) => item.trim());
}

/** Case and single underscores are dropped; the level separator stays. */
function looseName(variable: string): string {
  return variable
    .toLowerCase()
    .split('__')
    .map((part) => part.replaceAll('_', ''))
    .join('__');
}

/** Kubernetes hands every pod variables named after the services around it; one of those may be called taciturn. */
function isKubernetesService(variable: string, text: string): boolean {
  if (/_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$/.test(variable)) return true;
  if (/_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(variable)) return true;
  return variable.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(text);
}

function unknownVariable(variable: string, known: Iterable<NamedSetting>): ConfigProblem {
  const names = [...known].map(({ path }) => environmentVariable(path));
  const meant = nearest(variable.toUpperCase(), names);
  const suggestion = meant ? ` Did you mean ${meant}?` : '';
  const reason = `There is no such key; levels are separated by two underscores.${suggestion}`;
  return { origin: { kind: 'environment', variable }, path: '', reason };
}
