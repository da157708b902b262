import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { explainReadFailure } from '../config/read-failure.ts';
import { readDiagnosis } from '../nat/read-diagnosis.ts';
import type { Diagnosis } from '../nat/report.ts';
import { pair, pairExitCode } from '../nat/verdict/pair.ts';
import type { CommandContext, RegisterCommand } from './command-context.ts';
import { wrongUsage } from './command-failure.ts';
import { renderPair, renderPairJson } from './render-pair.ts';

interface PairOptions {
  readonly json?: boolean;
}

/** A diagnosis is a few kilobytes; what is much more is another file. */
const mostBytes = 4 * 1024 * 1024;

const examples = `
Examples:
  $ taciturn diagnose --json > alice.json     (on the one machine)
  $ taciturn diagnose --json > bob.json       (on the other)
  $ taciturn pair alice.json bob.json

Exit status: 0 they can connect directly, 1 they need a relay, 3 it cannot be told, 64 wrong usage.`;

/** `taciturn pair` */
export const register: RegisterCommand = (parent, context) => {
  parent
    .command('pair')
    .description('Compare the diagnoses of two networks: can these two connect directly, and why')
    .argument('<A.json>', 'what taciturn diagnose --json wrote on the one side')
    .argument('<B.json>', 'and on the other')
    .option('--json', 'one JSON document')
    .addHelpText('after', examples)
    .action((first: string, second: string, options: PairOptions) => {
      const verdict = pair(diagnosisIn(first, context), diagnosisIn(second, context));
      if (options.json === true) renderPairJson(verdict, context);
      else renderPair(verdict, [first, second], context);
      context.complete(pairExitCode(verdict));
    });
};

function diagnosisIn(file: string, { workingDirectory }: CommandContext): Diagnosis {
  let bytes: Buffer;
  try {
    const path = resolve(workingDirectory, file);
    bytes = statSync(path).size > mostBytes ? Buffer.from('something else') : readFileSync(path);
  } catch (error) {
    throw wrongUsage(`${file}: ${explainReadFailure(error)} Give the file that taciturn diagnose --json wrote.`);
  }
  const read = readDiagnosis(decode(bytes));
  if (!read.ok) throw wrongUsage(`${file}: ${read.error}`);
  return read.value;
}

/** PowerShell writes UTF-16 where > redirects. */
function decode(bytes: Buffer): string {
  return bytes[0] === 0xff && bytes[1] === 0xfe ? bytes.toString('utf16le', 2) : bytes.toString('utf8');
}
