import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { explainReadFailure } from '../config/read-failure.ts';
import type { CommandContext } from './command-context.ts';
import { wrongUsage } from './command-failure.ts';

/** Reads the certificates that `--ca` names, which are trusted in place of the public authorities. */
export function trustedCertificates(file: string, { workingDirectory }: CommandContext): string {
  let content: string;
  try {
    content = readFileSync(resolve(workingDirectory, file), 'utf8');
  } catch (error) {
    throw wrongUsage(`--ca ${file}: ${explainReadFailure(error)}`);
  }
  try {
    // It reads the first one. Without this, a file that holds none would trust nobody, and every server be blamed.
    new X509Certificate(content);
  } catch {
    throw wrongUsage(`--ca ${file}: it holds no certificate in PEM form.`);
  }
  return content;
}
