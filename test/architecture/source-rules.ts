import { posix } from 'node:path';
import ts from 'typescript';

/** One source file, its path relative to the repository. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** Which folders of `src` each folder may import from: always ones that stand before it here, and no more than it needs. */
export const allowedImports: ReadonlyMap<string, readonly string[]> = new Map([
  ['stun', []],
  ['turn', ['stun']],
  ['syscalls', ['stun']],
  ['relay', ['stun', 'turn', 'syscalls']],
  ['listeners', ['stun', 'turn', 'relay']],
  ['credentials', ['stun', 'turn']],
  ['store', ['turn', 'credentials']],
  ['client', ['stun']],
  ['ladder', ['stun', 'turn', 'credentials', 'client']],
  ['telemetry', ['stun', 'turn', 'client']],
  ['webhooks', ['stun', 'turn', 'client', 'telemetry']],
  ['api', ['stun', 'turn', 'credentials', 'store', 'telemetry']],
  ['nat', ['stun', 'client']],
  ['diagnosis', ['stun', 'client', 'nat']],
  ['ice', ['stun', 'client', 'ladder', 'nat']],
  ['quality', ['stun', 'client']],
  ['security', ['stun', 'client', 'ladder']],
  ['bench', ['stun', 'syscalls', 'client']],
  ['config', ['stun', 'turn']],
  ['accounting', ['turn', 'credentials', 'store']],
  ['access', ['stun', 'turn', 'credentials', 'store', 'telemetry', 'webhooks', 'api']],
  [
    'daemon',
    [
      'stun',
      'turn',
      'syscalls',
      'relay',
      'listeners',
      'credentials',
      'store',
      'client',
      'config',
      'telemetry',
      'webhooks',
      'api',
      'accounting',
      'access',
    ],
  ],
  [
    'cli',
    [
      'stun',
      'turn',
      'relay',
      'credentials',
      'store',
      'client',
      'ladder',
      'bench',
      'nat',
      'diagnosis',
      'ice',
      'quality',
      'security',
      'config',
      'telemetry',
      'daemon',
    ],
  ],
]);

/** Folders that touch no socket, clock, timer, file or log: what they need is handed to them. */
export const pureFolders: readonly string[] = ['stun', 'turn'];

/**
 * Folders of which the same holds, and which also use the client on a socket and a clock that they are handed. Of its folder they
 * import only these files; of all others the types.
 */
const handedTheirSocket = new Map<string, ReadonlySet<string>>([
  [
    'nat',
    new Set(['stun-client.ts', 'retransmission.ts', 'request-failure.ts', 'result.ts'].map((f) => `src/client/${f}`)),
  ],
]);

function isPure(folder: string): boolean {
  return pureFolders.includes(folder) || handedTheirSocket.has(folder);
}

/** All that pure code may take from Node: functions whose result depends on nothing but their arguments. */
const pureNames = new Map<string, readonly string[]>([
  ['node:crypto', ['createHash', 'createHmac', 'hash', 'timingSafeEqual']],
  ['node:net', ['isIP', 'isIPv4', 'isIPv6']],
  ['node:zlib', ['crc32']],
]);

/** Globals that know the time, chance or the outside world. */
const impureGlobals = new Set([
  'Date',
  'Temporal',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'process',
  'console',
  'crypto',
  'fetch',
  'require',
  'globalThis',
  'global',
]);

/** What is wrong with a file, each as `path:line what`. */
export function violations(source: Source): string[] {
  const file = ts.createSourceFile(source.path, source.text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const report = (node: ts.Node, what: string) => {
    found.push(`${source.path}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1} ${what}`);
  };
  const isTest = source.path.endsWith('.test.ts');
  const folder = source.path.split('/')[1]!;
  const visit = (node: ts.Node) => {
    const specifier = specifierOf(node);
    if (specifier !== undefined && !isTest) {
      const what = badImport(source.path, folder, specifier, node);
      if (what !== undefined) report(node, what);
    }
    if (isDefaultExport(node)) report(node, 'has a default export');
    if (isPure(folder) && !isTest && ts.isIdentifier(node)) {
      const what = impurity(node);
      if (what !== undefined) report(node, what);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** What an import, a re-export or an `import()` names; `undefined` for any other node. */
function specifierOf(node: ts.Node): string | undefined {
  let specifier: ts.Node | undefined;
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) specifier = node.moduleSpecifier;
  else if (ts.isImportTypeNode(node))
    specifier = ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
  else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    specifier = node.arguments[0];
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return '(computed)';
  }
  return specifier !== undefined && ts.isStringLiteralLike(specifier) ? specifier.text : undefined;
}

function badImport(path: string, folder: string, specifier: string, node: ts.Node): string | undefined {
  if (!specifier.startsWith('.')) return isPure(folder) ? impureImport(specifier, node) : undefined;
  const target = posix.join(posix.dirname(path), specifier).split('/');
  if (target[0] !== 'src') return `imports ${target.join('/')}, which is outside src`;
  const to = target[1]!;
  if (to === folder) return undefined;
  const allowed = allowedImports.get(folder);
  if (allowed === undefined) return `is in a folder of which nobody has said what it may import`;
  if (!allowed.includes(to)) return `imports from src/${to}, which src/${folder} may not`;
  const usable = to === 'client' ? handedTheirSocket.get(folder) : undefined;
  if (usable === undefined || usable.has(target.join('/')) || importsTypesOnly(node)) return undefined;
  return `imports more than types from ${target.join('/')}`;
}

function importsTypesOnly(node: ts.Node): boolean {
  if (ts.isImportDeclaration(node)) return node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
  return ts.isExportDeclaration(node) ? node.isTypeOnly : ts.isImportTypeNode(node);
}

function impureImport(specifier: string, node: ts.Node): string | undefined {
  const names = pureNames.get(specifier);
  if (names === undefined || !ts.isImportDeclaration(node)) return `imports ${specifier} into a pure folder`;
  const bindings = node.importClause?.namedBindings;
  if (node.importClause?.name !== undefined || bindings === undefined || !ts.isNamedImports(bindings)) {
    return `imports all of ${specifier} into a pure folder`;
  }
  const impure = bindings.elements.map(({ name, propertyName }) => (propertyName ?? name).text);
  const bad = impure.filter((name) => !names.includes(name));
  return bad.length > 0 ? `imports ${bad.join(', ')} of ${specifier} into a pure folder` : undefined;
}

function impurity(node: ts.Identifier): string | undefined {
  const { parent, text } = node;
  if (isMemberName(node)) return undefined;
  if (text === 'Math') {
    const named = ts.isPropertyAccessExpression(parent) && parent.expression === node ? parent.name.text : 'random';
    return named === 'random' ? 'uses Math.random in a pure folder' : undefined;
  }
  return impureGlobals.has(text) ? `uses ${text} in a pure folder` : undefined;
}

/** Whether the identifier names a member of something, as in `options.process` or `{ process: 1 }`. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  return (
    (ts.isPropertyAssignment(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isMethodDeclaration(parent) ||
      ts.isMethodSignature(parent) ||
      ts.isGetAccessorDeclaration(parent)) &&
    parent.name === node
  );
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true;
  if (ts.isExportSpecifier(node)) return node.name.text === 'default';
  return (
    ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((m) => m.kind === ts.SyntaxKind.DefaultKeyword)
  );
}
