import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { everySetting } from './environment.ts';
import { type Given, keyOf } from './given.ts';
import { type ConfigProblem, formatPath, type Origin } from './problem.ts';
import { explainReadFailure } from './read-failure.ts';
import { type AnyGroup, type AnySetting, type Complaint, type ParseContext, refused } from './setting.ts';

/** Where a key's value came from, and the value as it was written; for a secret only whether there is one. */
export interface SettingOrigin {
  readonly origin: Origin;
  readonly shown: unknown;
}

export interface ResolvedSettings {
  readonly values: ReadonlyMap<string, unknown>;
  readonly origins: ReadonlyMap<string, SettingOrigin>;
  readonly problems: readonly ConfigProblem[];
}

/**
 * Parses everything that was given, what is overridden too, and keeps for each key the value from the strongest source.
 * A key whose value was refused gets its default, so that the rules between keys can still be checked.
 *
 * @param layers the sources, strongest first
 */
export function resolveSettings(
  tree: AnyGroup,
  layers: readonly (readonly Given[])[],
  workingDirectory: string,
): ResolvedSettings {
  const problems = layers.flatMap(givenTwice);
  const values = new Map<string, unknown>();
  const origins = new Map<string, SettingOrigin>();
  const all = groupByKey(layers.flat());
  for (const { path, setting, viaFile } of everySetting(tree)) {
    if (viaFile) continue;
    const key = formatPath(path);
    const [strongest, ...overridden] = all.get(key) ?? [];
    for (const given of overridden) {
      // A file of secrets that is overridden need not even be there.
      if (!given.viaFile) parseGiven(given, workingDirectory, problems);
    }
    const parsed = strongest ? parseGiven(strongest, workingDirectory, problems) : refused;
    const value = parsed === refused ? parseFallback(setting) : parsed;
    const written = strongest ? strongest.value : setting.fallback;
    values.set(key, value);
    origins.set(key, {
      origin: strongest?.origin ?? { kind: 'default' },
      shown: setting.secret ? countSecrets(value) : written,
    });
  }
  return { values, origins, problems };
}

/** One source may not give a key twice: as itself and as `…File`, or in two spellings of a variable. */
function givenTwice(layer: readonly Given[]): ConfigProblem[] {
  return [...groupByKey(layer).values()].flatMap(([first, ...others]) =>
    others.map(({ origin, path }) => {
      const other = first!.origin.kind === 'environment' ? first!.origin.variable : formatPath(first!.path);
      return { origin, path: formatPath(path), reason: `It is given twice, also as ${other}; keep one of them.` };
    }),
  );
}

function groupByKey(all: readonly Given[]): Map<string, Given[]> {
  const groups = new Map<string, Given[]>();
  for (const given of all) {
    const key = keyOf(given);
    const group = groups.get(key);
    if (group) group.push(given);
    else groups.set(key, [given]);
  }
  return groups;
}

function parseGiven(given: Given, workingDirectory: string, problems: ConfigProblem[]): unknown {
  const context = parseContext(given, workingDirectory, problems);
  const { setting, value, viaFile } = given;
  if (!viaFile) return setting.parse(value, context);
  if (typeof value !== 'string' || value === '') {
    return context.refuse({ found: value === '' ? 'nothing' : 'no text', allowed: 'the path of a file' });
  }
  const content = context.readSecretFile(value, []);
  return content === refused ? refused : setting.parse(setting.fromFile!(content), context);
}

function parseContext(given: Given, workingDirectory: string, problems: ConfigProblem[]): ParseContext {
  const refuse = ({ at = [], ...complaint }: Complaint): typeof refused => {
    const origin = given.locate?.(at) ?? given.origin;
    problems.push({ origin, path: formatPath([...given.path, ...at]), ...complaint });
    return refused;
  };
  return {
    refuse,
    readSecretFile: (path, at) => {
      try {
        return readFileSync(resolve(workingDirectory, path), 'utf8').replace(/\r?\n$/, '');
      } catch (error) {
        const allowed = 'a file that can be read';
        return refuse({ at, found: JSON.stringify(path), allowed, reason: explainReadFailure(error) });
      }
    },
    resolvePath: (path) => resolve(workingDirectory, path),
  };
}

function parseFallback(setting: AnySetting): unknown {
  if (setting.fallback === undefined) return undefined;
  return setting.parse(setting.fallback, {
    refuse: ({ found, reason }) => {
      throw new Error(`a default of ours is refused: ${found ?? ''} ${reason ?? ''}`);
    },
    readSecretFile: () => refused,
    resolvePath: (path) => path,
  });
}

function countSecrets(value: unknown): string {
  const count = Array.isArray(value) ? value.length : 0;
  return count === 0 ? '(none)' : `(${count} set, hidden)`;
}
