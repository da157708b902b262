import { type ConfigProblem, describeOrigin, describeProblem } from '../config/problem.ts';
import { type CommandContext, ExitCode } from './command-context.ts';
import { styles } from './styles.ts';

/** Why a command did not do what it was asked to. Commands throw it; `main` shows it. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: number;
  /** A code for scripts that does not change. */
  readonly code: string;
  /** Of a configuration; as text where a running server has found them. */
  readonly problems: readonly (ConfigProblem | string)[];

  /** @param message what happened, why, and what to do about it */
  constructor(exitCode: number, code: string, message: string, problems: readonly (ConfigProblem | string)[] = []) {
    super(message);
    this.exitCode = exitCode;
    this.code = code;
    this.problems = problems;
  }
}

/** The failure of a configuration with problems. */
export function badConfiguration(problems: readonly ConfigProblem[]): CommandFailure {
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  return new CommandFailure(
    ExitCode.badConfiguration,
    'bad_configuration',
    `The configuration has ${count}.`,
    problems,
  );
}

/** The failure of a command line that cannot be meant. */
export function wrongUsage(message: string): CommandFailure {
  return new CommandFailure(ExitCode.usage, 'usage', message);
}

/** Shows a failure: as JSON on stdout, where a script reads the answer, or as text on stderr. */
export function renderFailure(failure: CommandFailure, context: CommandContext, json: boolean): void {
  const { streams, environment } = context;
  if (json) {
    const problems = failure.problems.map((problem) =>
      typeof problem === 'string' ? { text: problem } : { ...problem, where: describeOrigin(problem.origin) },
    );
    const error = { code: failure.code, message: failure.message, ...(problems.length > 0 ? { problems } : {}) };
    streams.stdout.write(`${JSON.stringify({ schema: 1, error }, null, 2)}\n`);
    return;
  }
  const { bad } = styles(streams.stderr, environment);
  streams.stderr.write(`${bad('error:')} ${failure.message}\n`);
  for (const problem of failure.problems) {
    streams.stderr.write(`  ${typeof problem === 'string' ? problem : describeProblem(problem)}\n`);
  }
}
