import { resolve } from 'node:path';
import { everySetting, readEnvironment, readText } from './environment.ts';
import { readFileSettings } from './file-settings.ts';
import type { Given } from './given.ts';
import { type ConfigProblem, formatPath } from './problem.ts';
import { resolveSettings, type SettingOrigin } from './resolve-settings.ts';
import { crossFieldProblems } from './rules.ts';
import type { AnyGroup, AnySetting } from './setting.ts';
import { type Configuration, settings } from './settings.ts';

/** A value given by a flag of the command line. */
export interface FlagValue {
  /** The key, such as `relay.ports`. */
  readonly path: string;
  /** The flag as the user knows it, such as `--relay-ports`. */
  readonly flag: string;
  /** Several texts for a flag that was repeated. */
  readonly value: string | readonly string[];
}

export interface ConfigurationInput {
  /** The YAML file; without it there are only flags, environment and defaults. */
  readonly file?: string | undefined;
  /** Its content, where it is no file yet. */
  readonly text?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly flags?: readonly FlagValue[];
  /** What relative paths start from; the process's own by default. */
  readonly workingDirectory?: string;
}

export type LoadedConfiguration =
  | {
      readonly ok: true;
      readonly configuration: Configuration;
      /** By key, in the order of the example file. */
      readonly origins: ReadonlyMap<string, SettingOrigin>;
    }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/**
 * Puts the configuration together: flag, then environment, then file, then default.
 *
 * @returns the configuration with the origin of every key, or every problem that was found. It does not throw.
 * @example
 * const loaded = loadConfiguration({ file: 'taciturn.yaml', environment: process.env });
 * if (!loaded.ok) for (const problem of loaded.problems) stderr.write(`${describeProblem(problem)}\n`);
 */
export function loadConfiguration(input: ConfigurationInput): LoadedConfiguration {
  const tree: AnyGroup = settings;
  const workingDirectory = input.workingDirectory ?? process.cwd();
  const file = readFileSettings(tree, input.file, workingDirectory, input.text);
  const environment = readEnvironment(tree, input.environment);
  const layers = [
    fromFlags(tree, input.flags ?? []),
    environment.given,
    file.given,
    [defaultDataDirectory(tree, input.environment.STATE_DIRECTORY)],
  ];
  const resolved = resolveSettings(tree, layers, workingDirectory);
  const problems = [...file.problems, ...environment.problems, ...resolved.problems];
  const configuration = build(tree, resolved.values, workingDirectory);
  const faulty = new Set(problems.map(({ path }) => path.replace(/\[.*$/, '')));
  problems.push(...crossFieldProblems(configuration, resolved.origins, faulty));
  return problems.length > 0 ? { ok: false, problems } : { ok: true, configuration, origins: resolved.origins };
}

function fromFlags(tree: AnyGroup, flags: readonly FlagValue[]): Given[] {
  const byPath = new Map([...everySetting(tree)].map((named) => [formatPath(named.path), named]));
  return flags.map(({ path, flag, value }) => {
    const named = byPath.get(path);
    if (!named) throw new Error(`the flag ${flag} is for a key that does not exist: ${path}`);
    const read = typeof value === 'string' && !named.viaFile ? readText(named.setting, value) : value;
    return { ...named, value: read, origin: { kind: 'flag', flag } };
  });
}

/** systemd's `StateDirectory=` is where a service keeps its data; there may be several, separated by colons. */
function defaultDataDirectory(tree: AnyGroup, stateDirectory: string | undefined): Given {
  const fromSystemd = stateDirectory?.split(':')[0];
  const base = { path: ['dataDir'], setting: tree.settings.dataDir as AnySetting, viaFile: false };
  return fromSystemd
    ? { ...base, value: fromSystemd, origin: { kind: 'environment', variable: 'STATE_DIRECTORY' } }
    : { ...base, value: './taciturn-data', origin: { kind: 'default' } };
}

function build(tree: AnyGroup, values: ReadonlyMap<string, unknown>, workingDirectory: string): Configuration {
  const buildGroup = (group: AnyGroup, above: readonly string[]): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(group.settings).map(([key, node]) => {
        const path = [...above, key];
        if (node.kind === 'group') return [key, buildGroup(node, path)];
        return [key + node.suffix, values.get(formatPath(path))];
      }),
    );
  const root = buildGroup(tree, []);
  // The tree's type says what was built from the tree.
  return { ...root, dataDir: resolve(workingDirectory, root.dataDir as string) } as unknown as Configuration;
}
