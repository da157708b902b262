import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Given } from './given.ts';
import { nearest } from './nearest.ts';
import { type ConfigProblem, formatPath } from './problem.ts';
import { explainReadFailure } from './read-failure.ts';
import { type AnyGroup, type AnyNode, describeType } from './setting.ts';
import { parseYamlFile, type YamlFile } from './yaml-file.ts';

interface FileSettings {
  readonly given: Given[];
  readonly problems: ConfigProblem[];
}

/** Reads the settings that a configuration file gives, or its content where that is at hand already. */
export function readFileSettings(
  tree: AnyGroup,
  file: string | undefined,
  workingDirectory: string,
  content?: string,
): FileSettings {
  const found: FileSettings = { given: [], problems: [] };
  if (file === undefined) return found;
  let text: string;
  try {
    text = content ?? readFileSync(resolve(workingDirectory, file), 'utf8');
  } catch (error) {
    found.problems.push({
      origin: { kind: 'file', file, line: 1, column: 1 },
      path: '',
      reason: explainReadFailure(error),
    });
    return found;
  }
  const yaml = parseYamlFile(file, text);
  if ('problems' in yaml) found.problems.push(...yaml.problems);
  else collectGroup(tree, yaml.root, [], yaml, found);
  return found;
}

function collectGroup(
  group: AnyGroup,
  value: unknown,
  path: readonly string[],
  yaml: YamlFile,
  into: FileSettings,
): void {
  // A key whose lines are all commented out has the value null.
  if (value === null || value === undefined) return;
  if (!(value instanceof Map)) {
    const allowed = `a mapping with the keys ${Object.keys(group.settings).join(', ')}`;
    into.problems.push({ origin: yaml.locate(path), path: formatPath(path), found: describeType(value), allowed });
    return;
  }
  for (const [key, item] of value) collectKey(group, String(key), item, [...path, String(key)], yaml, into);
}

function collectKey(
  group: AnyGroup,
  key: string,
  value: unknown,
  path: readonly string[],
  yaml: YamlFile,
  into: FileSettings,
): void {
  const node = nodeNamed(group, key);
  if (node?.kind === 'group') {
    collectGroup(node, value, path, yaml, into);
    return;
  }
  const base = key.endsWith('File') ? nodeNamed(group, key.slice(0, -'File'.length)) : undefined;
  const viaFile = node === undefined && base?.kind === 'setting' && base.fromFile !== undefined;
  const setting = node ?? (viaFile ? base : undefined);
  if (setting?.kind !== 'setting') {
    into.problems.push(unknownKey(group, key, path, yaml));
  } else if (value !== null) {
    const locate = (at: readonly (string | number)[]) => yaml.locate([...path, ...at]);
    into.given.push({ path, setting, viaFile, value, origin: yaml.locate(path), locate });
  }
}

function unknownKey(group: AnyGroup, key: string, path: readonly string[], yaml: YamlFile): ConfigProblem {
  const names = Object.entries(group.settings).flatMap(([name, node]) =>
    node.kind === 'setting' && node.fromFile ? [name, `${name}File`] : [name],
  );
  const meant = nearest(key, names);
  const reason = `There is no such key.${meant ? ` Did you mean ${meant}?` : ''}`;
  return { origin: yaml.locate(path), path: formatPath(path), allowed: names.join(', '), reason };
}

function nodeNamed(group: AnyGroup, key: string): AnyNode | undefined {
  return Object.hasOwn(group.settings, key) ? group.settings[key] : undefined;
}
