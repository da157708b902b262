import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '..', '..');

/** A module as JavaScript that a worker thread can load, with all that it imports. */
export interface CompiledModule {
  readonly path: string;
  remove(): void;
}

/** Compiles a module for a worker thread, which no test runner stands behind to translate TypeScript. */
export function compileModule(path: string): CompiledModule {
  const outDir = mkdtempSync(join(tmpdir(), 'taciturn-threads-'));
  writeFileSync(join(outDir, 'package.json'), '{ "type": "module" }');
  const program = ts.createProgram([path], {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    rewriteRelativeImportExtensions: true,
    verbatimModuleSyntax: true,
    noCheck: true,
    noLib: true,
    types: [],
    rootDir: root,
    outDir,
  });
  program.emit();
  return {
    path: join(outDir, relative(root, path).replace(/\.ts$/, '.js')),
    remove: () => rmSync(outDir, { recursive: true }),
  };
}
