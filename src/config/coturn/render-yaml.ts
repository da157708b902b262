import { stringify } from 'yaml';
import type { AnyGroup } from '../setting.ts';
import { settings } from '../settings.ts';
import type { Draft, DraftEntry, DraftItem } from './draft.ts';

/** A file that holds one or several secrets, kept apart from the configuration. */
export interface SecretFile {
  readonly path: string;
  readonly content: string;
}

interface StaticUser {
  readonly name: string;
  readonly password: string;
}

/**
 * Writes a configuration file with the keys that differ from their defaults, each with the line that it comes from.
 *
 * @param secretFile where a secret goes, by a name for it; without it secrets are written into the configuration itself.
 */
export function renderYaml(
  draft: Draft,
  head: readonly string[],
  secretFile?: (name: string) => string,
): { readonly yaml: string; readonly secretFiles: readonly SecretFile[] } {
  const secretFiles: SecretFile[] = [];
  const moved = secretFile === undefined ? undefined : { path: secretFile, files: secretFiles };
  const lines = groupLines(settings, [], draft, moved);
  return { yaml: [...head.map((line) => `# ${line}`), ...lines, ''].join('\n'), secretFiles };
}

interface MovedSecrets {
  readonly path: (name: string) => string;
  readonly files: SecretFile[];
}

function groupLines(
  group: AnyGroup,
  above: readonly string[],
  draft: Draft,
  moved: MovedSecrets | undefined,
): readonly string[] {
  const indent = '  '.repeat(above.length);
  return Object.entries(group.settings).flatMap(([key, node]) => {
    const path = [...above, key];
    if (node.kind === 'group') {
      const inside = groupLines(node, path, draft, moved);
      return inside.length === 0 ? [] : [...(above.length === 0 ? [''] : []), `${indent}${key}:`, ...inside];
    }
    const name = path.join('.');
    const entry = draft.entries.get(name);
    if (entry === undefined || draft.isDefault(name)) return [];
    const lines = moved && node.secret ? secretLines(key, entry, moved) : settingLines(key, entry);
    return [...(above.length === 0 ? [''] : []), ...lines.map((line) => indent + line)];
  });
}

function settingLines(key: string, { isList, items }: DraftEntry): readonly string[] {
  if (!isList) return [`${key}: ${scalar(items[0]!.value)}${origin(items[0]!)}`];
  return [`${key}:`, ...items.map((item) => `  - ${scalar(item.value)}${origin(item)}`)];
}

/** Shared secrets go into one file, and each password into one of its own. */
function secretLines(key: string, { items }: DraftEntry, { path, files }: MovedSecrets): readonly string[] {
  const add = (name: string, content: string) => {
    files.push({ path: path(name), content: `${content}\n` });
    return scalar(path(name));
  };
  if (items.every(({ value }) => typeof value === 'string')) {
    const file = add('shared-secrets', items.map(({ value }) => String(value)).join('\n'));
    return [`${key}File: ${file}${origin({ lines: items.flatMap(({ lines }) => lines) })}`];
  }
  const users = items.map((item, index) => {
    const { name, password } = item.value as StaticUser;
    const file = add(`password-${index + 1}`, password);
    return [`  - name: ${scalar(name)}${origin(item)}`, `    passwordFile: ${file}`];
  });
  return [`${key}:`, ...users.flat()];
}

function scalar(value: unknown): string {
  // JSON is YAML too, and stays on one line.
  if (typeof value === 'object') return JSON.stringify(value);
  return stringify(value, { lineWidth: 0 }).trimEnd();
}

function origin({ lines }: Pick<DraftItem, 'lines'>): string {
  return ` # line ${lines.join(', ')}`;
}
