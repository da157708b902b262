import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const index = join(root, 'src', 'client', 'index.ts');

describe('what taciturn/client exports', () => {
  let checker: ts.TypeChecker;
  let exported: readonly ts.Symbol[];
  /** Names of what is more than a type. */
  let imported: readonly string[];

  beforeAll(async () => {
    imported = Object.keys(await import('../../src/client/index.ts'));
    const config = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, root);
    const program = ts.createProgram([index], options);
    checker = program.getTypeChecker();
    const module = checker.getSymbolAtLocation(program.getSourceFile(index)!)!;
    exported = checker.getExportsOfModule(module).map((symbol) => original(symbol));
  }, 60_000);

  function original(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  }

  function documented(symbol: ts.Symbol): boolean {
    return symbol.getDocumentationComment(checker).length > 0;
  }

  it('is there when it is imported', () => {
    const values = exported.filter(({ flags }) => flags & ts.SymbolFlags.Value).map(({ name }) => name);
    expect(imported.filter((name) => !values.includes(name))).toEqual([]);
    expect(imported).toEqual(expect.arrayContaining(['parseIceUrl', 'resolveServer', 'openAllocation', 'StunClient']));
  });

  it('says of everything what it is', () => {
    expect(exported.filter((symbol) => !documented(symbol)).map(({ name }) => name)).toEqual([]);
  });

  it('names every function and class in its document', () => {
    const text = readFileSync(join(root, 'docs', 'client.md'), 'utf8');
    const callable = exported.filter(({ flags }) => flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Class));
    const names = callable.map(({ name }) => name).filter((name) => imported.includes(name));
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !text.includes(name))).toEqual([]);
  });

  it('lists every kind of failure of an allocation in its document', () => {
    const text = readFileSync(join(root, 'docs', 'client.md'), 'utf8');
    const kind = exported.find(({ name }) => name === 'AllocationFailureKind')!;
    const type = checker.getDeclaredTypeOfSymbol(kind);
    const kinds = type.isUnion() ? type.types.map((one) => (one as ts.StringLiteralType).value) : [];
    expect(kinds.length).toBeGreaterThan(10);
    expect(kinds.filter((one) => !text.includes(`| \`${one}\` |`))).toEqual([]);
  });
});
