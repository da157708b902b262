import { type Static, Type } from 'typebox';
import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { addDaemonFlags, type DaemonOptions } from './operator/daemon-address.ts';
import { DaemonClient } from './operator/daemon-client.ts';
import { writeJson } from './operator/json-document.ts';
import { renderFacts } from './operator/table.ts';
import { styles } from './styles.ts';

const ReloadAnswer = Type.Object({
  applied: Type.Array(Type.String()),
  waiting: Type.Array(Type.String()),
  certificate: Type.Optional(
    Type.Object({ status: Type.String(), expiresAt: Type.String(), why: Type.Optional(Type.String()) }),
  ),
});
type ReloadAnswer = Static<typeof ReloadAnswer>;

const examples = `
Examples:
  $ taciturn reload --key-file operator.key
  $ taciturn config check --config taciturn.yaml && taciturn reload --config taciturn.yaml

The key needs the scope admin. The server reads the file that it was started with, and its certificates; its environment and
flags are those of its start. SIGHUP does the same, and says in the log what it came to.

Exit status: 0 what could be applied is, 1 a failure, 64 wrong usage, 78 the file has problems, and nothing was changed.`;

/** `taciturn reload` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('reload')
    .description('Let the running server read its configuration and certificates again; nobody is dropped')
    .addHelpText('after', examples)
    .action(async (options: DaemonOptions) => {
      const client = await DaemonClient.open(options, context);
      const answer = await client.ask('POST', '/v1/reload', ReloadAnswer);
      if (options.json === true) writeJson(answer, context);
      else render(answer, context);
      context.complete(ExitCode.success);
    });
  addDaemonFlags(command);
};

function render({ applied, waiting, certificate }: ReloadAnswer, context: CommandContext): void {
  const { warning } = styles(context.streams.stderr, context.environment);
  renderFacts(
    [
      ['in use now', applied.length === 0 ? 'no key of the configuration has changed what is in use' : applied],
      ...(waiting.length === 0 ? [] : [['with the next start', waiting] as const]),
      ...(certificate === undefined ? [] : [['certificate', certificateInWords(certificate)] as const]),
    ],
    context,
  );
  if (waiting.length > 0) {
    context.streams.stderr.write(
      `${warning('note:')} some changes need a restart: taciturn drain --wait, then start it anew\n`,
    );
  }
}

function certificateInWords({ status, expiresAt, why }: NonNullable<ReloadAnswer['certificate']>): string {
  const until = `valid until ${expiresAt}`;
  if (status === 'reloaded') return `the new one is in use, ${until}`;
  if (status === 'unchanged') return `unchanged, ${until}`;
  return `the one from before stays in use, ${until}${why === undefined ? '' : `: ${why}`}`;
}
