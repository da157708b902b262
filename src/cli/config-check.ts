import { loadConfiguration } from '../config/load-configuration.ts';
import type { CommandContext, RegisterCommand } from './command-context.ts';
import { ExitCode } from './command-context.ts';
import { badConfiguration } from './command-failure.ts';
import { addConfigurationFlags, configurationFile, readConfigurationFlags } from './configuration-flags.ts';
import { styles } from './styles.ts';

interface ConfigCheckReport {
  /** `undefined` when only the environment and the flags were checked. */
  readonly file: string | undefined;
  /** How many keys are not at their default. */
  readonly changedKeys: number;
}

const examples = `
Examples:
  $ taciturn config check --config /etc/taciturn/taciturn.yaml
  $ taciturn config check taciturn.yaml --json`;

/** `taciturn config check` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('check')
    .description('Check the configuration: every problem, with its file, line and key')
    .argument('[FILE]', 'the configuration file, instead of --config')
    .option('--json', 'one JSON document')
    .addHelpText('after', examples)
    .action((argument: string | undefined, options: { config?: string; json?: boolean }) => {
      const file = argument ?? configurationFile(options, context.environment);
      render(run(file, options, context), options.json === true, context);
      context.complete(ExitCode.success);
    });
  addConfigurationFlags(command);
};

function run(file: string | undefined, options: object, context: CommandContext): ConfigCheckReport {
  const { environment, workingDirectory } = context;
  const flags = readConfigurationFlags({ ...options });
  const loaded = loadConfiguration({ file, environment, flags, workingDirectory });
  if (!loaded.ok) throw badConfiguration(loaded.problems);
  const changedKeys = [...loaded.origins.values()].filter(({ origin }) => origin.kind !== 'default').length;
  return { file, changedKeys };
}

function render(
  { file, changedKeys }: ConfigCheckReport,
  json: boolean,
  { streams, environment }: CommandContext,
): void {
  if (json) {
    streams.stdout.write(`${JSON.stringify({ schema: 1, ok: true, file: file ?? null, changedKeys }, null, 2)}\n`);
    return;
  }
  const what = file ?? 'The configuration without a file (environment and defaults)';
  const keys = changedKeys === 1 ? '1 key is' : `${changedKeys} keys are`;
  streams.stdout.write(`${styles(streams.stdout, environment).good('ok')}  ${what}: ${keys} not at the default.\n`);
}
