/** The files that are deployed with, as they are in the repository. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

/** Where a file of the repository is. */
export function pathOf(file: string): string {
  return fileURLToPath(new URL(`../../${file}`, import.meta.url));
}

export function textOf(file: string): string {
  return readFileSync(pathOf(file), 'utf8');
}

/** The documents of a YAML file, of which nothing is known; YAML 1.1 is what Kubernetes reads. */
// biome-ignore lint/suspicious/noExplicitAny: the tests say what they expect to find.
export function yamlOf(file: string, version: '1.1' | '1.2' = '1.2'): any[] {
  return [...parseAllDocuments(textOf(file), { version, merge: true, strict: true })].map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS();
  });
}
