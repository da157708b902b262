import { loadConfiguration } from '../config/load-configuration.ts';
import { describeOrigin } from '../config/problem.ts';
import type { SettingOrigin } from '../config/resolve-settings.ts';
import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { badConfiguration } from './command-failure.ts';
import { addConfigurationFlags, configurationFile, readConfigurationFlags } from './configuration-flags.ts';
import { styles } from './styles.ts';

type ConfigShowReport = ReadonlyMap<string, SettingOrigin>;

const examples = `
Examples:
  $ taciturn config show --config taciturn.yaml
  $ TACITURN_LISTEN__PORT=3479 taciturn config show --json`;

/** `taciturn config show` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('show')
    .description('Show the effective configuration and where each value comes from; secrets are hidden')
    .option('--json', 'one JSON document')
    .addHelpText('after', examples)
    .action((options: { config?: string; json?: boolean }) => {
      render(run(options, context), options.json === true, context);
      context.complete(ExitCode.success);
    });
  addConfigurationFlags(command);
};

function run(options: { config?: string }, { environment, workingDirectory }: CommandContext): ConfigShowReport {
  const file = configurationFile(options, environment);
  const flags = readConfigurationFlags({ ...options });
  const loaded = loadConfiguration({ file, environment, flags, workingDirectory });
  if (!loaded.ok) throw badConfiguration(loaded.problems);
  return loaded.origins;
}

function render(report: ConfigShowReport, json: boolean, { streams, environment }: CommandContext): void {
  const entries = [...report].map(([key, { origin, shown }]) => ({ key, value: shown ?? null, origin }));
  if (json) {
    const settings = entries.map((entry) => ({ ...entry, from: describeOrigin(entry.origin) }));
    streams.stdout.write(`${JSON.stringify({ schema: 1, settings }, null, 2)}\n`);
    return;
  }
  const { faint } = styles(streams.stdout, environment);
  const lines = entries.map(({ key, value, origin }) => ({ setting: `${key}: ${showValue(value)}`, origin }));
  const width = Math.min(64, Math.max(...lines.map(({ setting }) => setting.length)));
  for (const { setting, origin } of lines) {
    const from = describeOrigin(origin);
    streams.stdout.write(`${setting.padEnd(width)}  ${origin.kind === 'default' ? faint(`# ${from}`) : `# ${from}`}\n`);
  }
}

function showValue(value: unknown): string {
  if (value === null) return '(empty)';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
