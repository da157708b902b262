import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { Fate } from '../config/coturn/fate.ts';
import { type ImportedConf, importConf } from '../config/coturn/import-conf.ts';
import { explainReadFailure } from '../config/read-failure.ts';
import { createPrivateFile } from '../credentials/private-file.ts';
import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { badConfiguration, CommandFailure } from './command-failure.ts';
import { styles } from './styles.ts';

interface ConfigImportOptions {
  readonly output?: string;
  readonly secretsDir?: string;
  readonly ignoreRefused?: boolean;
  readonly json?: boolean;
}

interface ConfigImportReport extends ImportedConf {
  /** As it was named on the command line. */
  readonly file: string;
  readonly refused: number;
  /** Whether there is a configuration: nothing was refused, or that is to be ignored. */
  readonly ok: boolean;
  /** Where the configuration was written to; `undefined` when it goes to stdout, or nowhere. */
  readonly output: string | undefined;
}

const details = `
Each line of the file is reported on stderr: taken over as a key of taciturn, without a counterpart, or refused because
leaving it out would silently change who gets in or what works. With a line refused there is no configuration and the
exit code is 1, unless --ignore-refused is given.

Examples:
  $ taciturn config import /etc/turnserver.conf --output taciturn.yaml
  $ taciturn config import /etc/turnserver.conf --output /etc/taciturn/taciturn.yaml --secrets-dir /etc/taciturn/secrets`;

/** `taciturn config import` */
export const register: RegisterCommand = (parent, context) => {
  parent
    .command('import')
    .description('Make a configuration from a turnserver.conf of coturn, with a report about every line')
    .argument('<FILE>', 'the turnserver.conf, or - for stdin')
    .option('--output <FILE>', 'write the configuration to a new file that only its owner may read, not to stdout')
    .option('--secrets-dir <DIR>', 'write secrets to files of their own in this directory')
    .option('--ignore-refused', 'make a configuration without the lines that are refused')
    .option('--json', 'one JSON document')
    .addHelpText('after', details)
    .action(async (file: string, options: ConfigImportOptions) => {
      const report = await run(file, options, context);
      render(report, options.json === true, context);
      context.complete(report.ok ? ExitCode.success : ExitCode.failure);
    });
};

async function run(
  file: string,
  { output, secretsDir, ignoreRefused }: ConfigImportOptions,
  { streams, workingDirectory }: CommandContext,
): Promise<ConfigImportReport> {
  const target = output === undefined ? undefined : resolve(workingDirectory, output);
  const secrets = secretsDir === undefined ? undefined : resolve(workingDirectory, secretsDir);
  const path = file === '-' ? undefined : resolve(workingDirectory, file);
  const text = path === undefined ? await readAll(streams.stdin) : readConf(file, path);
  const imported = importConf(text, {
    name: path === undefined ? 'stdin' : basename(path),
    directory: path === undefined ? workingDirectory : dirname(path),
    ...(secrets === undefined ? {} : { secretFile: (name: string) => join(secrets, name) }),
  });
  const refused = imported.lines.filter(({ fate }) => fate.kind === 'refused').length;
  const ok = refused === 0 || ignoreRefused === true;
  if (ok) write(imported, target, secrets);
  return { ...imported, file, refused, ok, output: ok ? target : undefined };
}

function readConf(file: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw badConfiguration([
      { origin: { kind: 'file', file, line: 1, column: 1 }, path: '', reason: explainReadFailure(error) },
    ]);
  }
}

async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

/** Nothing that exists is overwritten: it may be in use. */
function write({ yaml, secretFiles }: ImportedConf, target: string | undefined, secrets: string | undefined): void {
  const files = [...secretFiles, ...(target === undefined ? [] : [{ path: target, content: yaml }])];
  for (const { path } of files) if (existsSync(path)) throw existing(path);
  if (secrets !== undefined && secretFiles.length > 0) {
    attempt(secrets, () => mkdirSync(secrets, { recursive: true, mode: 0o700 }));
  }
  for (const { path, content } of files) {
    if (!attempt(path, () => createPrivateFile(path, content))) throw existing(path);
  }
}

function existing(path: string): CommandFailure {
  const message = `${path} exists already; move it away, or name another one.`;
  return new CommandFailure(ExitCode.failure, 'exists', message);
}

function attempt<T>(path: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandFailure(
      ExitCode.failure,
      'cannot_write',
      `${path} cannot be written (${code ?? 'unknown error'}).`,
    );
  }
}

function render(report: ConfigImportReport, json: boolean, context: CommandContext): void {
  const { streams } = context;
  if (json) {
    streams.stdout.write(`${JSON.stringify(jsonReport(report), null, 2)}\n`);
    return;
  }
  streams.stderr.write(`${reportLines(report, context).join('\n')}\n`);
  if (report.ok && report.output === undefined) streams.stdout.write(report.yaml);
}

function jsonReport({ file, ok, lines, notes, yaml, output, secretFiles }: ConfigImportReport): object {
  const shown = lines.map(({ line, directive, fate: { kind, ...rest } }) => ({ line, directive, fate: kind, ...rest }));
  const written = output === undefined ? { yaml: ok ? yaml : null } : { output };
  const secrets = ok && secretFiles.length > 0 ? { secretFiles: secretFiles.map(({ path }) => path) } : {};
  return { schema: 1, ok, file, lines: shown, notes, ...written, ...secrets };
}

function reportLines(report: ConfigImportReport, { streams, environment }: CommandContext): readonly string[] {
  const { good, bad, warning, faint } = styles(streams.stderr, environment);
  const colours = { 'taken over': good, 'no counterpart': faint, refused: bad };
  const { file, lines, notes, refused, ok, output, secretFiles } = report;
  const holdsSecrets = ok && secretFiles.length === 0 && /^ {2}(sharedSecrets|users):/m.test(report.yaml);
  return [
    ...lines.flatMap(({ line, directive, fate }) => [
      `${file}:${line}: ${directive} ${colours[fate.kind](sentence(fate))}`,
      ...('warning' in fate ? [`  ${warning('warning:')} ${fate.warning}`] : []),
    ]),
    ...notes.map((note) => `note: ${note}`),
    ...(holdsSecrets
      ? [`${warning('warning:')} The configuration holds secrets; keep it private, or use --secrets-dir.`]
      : []),
    ...(ok && secretFiles.length > 0 ? [`Secrets are in ${secretFiles.map(({ path }) => path).join(', ')}.`] : []),
    ...(output === undefined ? [] : [`The configuration is in ${output}.`]),
    ...(refused === 0
      ? []
      : [
          `${bad(refused === 1 ? 'One line is refused' : `${refused} lines are refused`)}; ${ok ? 'the configuration leaves them out.' : 'no configuration is made. Change them, or use --ignore-refused.'}`,
        ]),
  ];
}

function sentence(fate: Fate): string {
  switch (fate.kind) {
    case 'taken over':
      return `taken over as ${fate.as}`;
    case 'no counterpart':
      return `has no counterpart because ${fate.because}`;
    case 'refused':
      return `refused because ${fate.because}`;
  }
}
