import { type Document, isCollection, isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { ConfigProblem, Origin } from './problem.ts';

/** The content of a YAML file, with the position of every key. */
export interface YamlFile {
  /** Mappings are Maps, so that a key named `__proto__` is nothing special. */
  readonly root: unknown;
  /** Where a key is, or the nearest enclosing one that exists. */
  locate(path: readonly (string | number)[]): Origin;
}

type Position = (offset: number) => Origin;

/** Parses the text of a configuration file. Its syntax errors come back as problems, all of them at once. */
export function parseYamlFile(file: string, text: string): YamlFile | { readonly problems: readonly ConfigProblem[] } {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, version: '1.2' });
  const position: Position = (offset) => {
    const { line, col } = lineCounter.linePos(offset);
    return { kind: 'file', file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  // A warning is an unknown tag: most often an unquoted value that starts with an exclamation mark.
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    const problems = faults.map(({ pos, code }) => ({
      origin: position(pos[0]),
      path: '',
      reason: describeFault(code),
    }));
    return { problems };
  }
  try {
    const root: unknown = document.toJS({ mapAsMap: true, maxAliasCount: 100 });
    return { root, locate: (path) => locate(document, path, position) };
  } catch {
    const reason = 'The YAML has an alias (*name) without its anchor (&name); put text that starts with * in quotes.';
    return { problems: [{ origin: position(0), path: '', reason }] };
  }
}

/** The parser's own messages may quote the text around the fault, and that text may be a secret. */
function describeFault(code: string): string {
  const known = new Map([
    ['DUPLICATE_KEY', 'The key is there twice in one mapping; keep one of them.'],
    ['TAB_AS_INDENT', 'The line is indented with a tab; YAML takes spaces only.'],
    ['BAD_INDENT', 'The indentation does not fit the lines above.'],
    ['MULTIPLE_DOCS', 'The file holds several YAML documents; keep one.'],
    ['TAG_RESOLVE_FAILED', 'The value starts with an unknown tag (!…); put text that starts with ! in quotes.'],
    ['BAD_SCALAR_START', 'The value starts with a character that YAML reserves; put it in quotes.'],
    ['MISSING_CHAR', 'Something is not closed or separated here: a quote, a bracket, or the space after a colon.'],
  ]);
  return known.get(code) ?? `The file is no valid YAML here (${code}).`;
}

function locate(document: Document, path: readonly (string | number)[], position: Position): Origin {
  let node: unknown = document.contents;
  let offset = startOf(node);
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === part);
      if (!pair) break;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isCollection(node) && typeof part === 'number') {
      node = node.items[part];
      offset = startOf(node) ?? offset;
    } else break;
  }
  return position(offset ?? 0);
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}
