import { stringify } from 'yaml';
import type { AnyGroup } from './setting.ts';
import { settings } from './settings.ts';

const head = `# yaml-language-server: $schema=./taciturn.schema.json
#
# Every key with its default. Keep the ones you change, delete the rest.
# A flag wins over an environment variable (relay.ports is TACITURN_RELAY__PORTS), and that wins over this file.
# Durations: 500ms, 30s, 10m, 1h, 1d. Sizes: 1500, 64KiB, 12.5MB. A rate that is off: unlimited.
`;

const width = 118;

/** The text of `config/taciturn.yaml`: the commented example. */
export function exampleFileText(): string {
  return head + groupLines(settings, 0).join('\n').concat('\n');
}

function groupLines(group: AnyGroup, depth: number): string[] {
  const indent = '  '.repeat(depth);
  return Object.entries(group.settings).flatMap(([key, node]) => {
    const comment = wrap(node.summary, width - indent.length).map((line) => `${indent}# ${line}`);
    const gap = depth === 0 ? [''] : [];
    if (node.kind === 'group') return [...gap, ...comment, `${indent}${key}:`, ...groupLines(node, depth + 1)];
    const value =
      node.fallback === undefined
        ? ''
        : ` ${stringify(node.fallback, { collectionStyle: 'flow', lineWidth: 0 }).trim()}`;
    return [...gap, ...comment, `${indent}${key}:${value}`];
  });
}

function wrap(sentence: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of sentence.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + word.length + 1 <= columns) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
