import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { counted, formatAge, formatBytes, formatCount } from './operator/amounts.ts';
import { addDaemonFlags, type DaemonOptions } from './operator/daemon-address.ts';
import { DaemonClient } from './operator/daemon-client.ts';
import { writeJson } from './operator/json-document.ts';
import { StatusAnswer } from './operator/status-answer.ts';
import { renderFacts } from './operator/table.ts';
import { styles } from './styles.ts';

const examples = `
Examples:
  $ taciturn status --key-file operator.key
  $ taciturn status --url https://turn.example.org:8443 --json
  $ pass show turn-key | taciturn status --key-file -

The key needs the scope read.`;

/** `taciturn status` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('status')
    .description('Show what the running server is doing')
    .addHelpText('after', examples)
    .action(async (options: DaemonOptions) => {
      const client = await DaemonClient.open(options, context);
      const status = await client.ask('GET', '/v1/status', StatusAnswer);
      if (options.json === true) writeJson(status, context);
      else render(status, context);
      context.complete(ExitCode.success);
    });
  addDaemonFlags(command);
};

function render(status: StatusAnswer, context: CommandContext): void {
  const { version, pid, startedAt, state, plane, urls, allocations, users, relayed, store } = status;
  const { good, bad, warning, bold } = styles(context.streams.stdout, context.environment);
  const style = state === 'serving' ? good : state === 'draining' ? warning : bad;
  context.streams.stdout.write(`${bold(style(stateInWords(state)))}\n\n`);
  const threads = plane.workers === 0 ? '' : `, ${counted(plane.workers, 'thread')}`;
  renderFacts(
    [
      ['version', `${version}, process ${pid}`],
      ['since', `${startedAt} (${formatAge(context.unixNow() - Date.parse(startedAt) / 1000)})`],
      ['sessions', `${counted(allocations, 'allocation')} of ${counted(users, 'user')}`],
      ['relayed', `${formatBytes(relayed.bytes)} in ${formatCount(relayed.packets)} packets since the start`],
      ['data plane', [`${plane.name}${threads}`, plane.why]],
      ['store', storeInWords(store)],
      ['urls', urls.length === 0 ? 'none' : urls],
    ],
    context,
  );
}

function stateInWords(state: string): string {
  switch (state) {
    case 'serving':
      return 'The server takes new allocations.';
    case 'draining':
      return 'The server drains: it takes no new allocations.';
    case 'not-listening':
      return 'The server does not listen on every address that it should; its log says why.';
    default:
      return `The server is in the state ${state}.`;
  }
}

function storeInWords({ kind, available }: StatusAnswer['store']): string {
  const name = kind === 'sqlite' ? 'SQLite' : kind === 'redis' ? 'Redis' : kind;
  if (available) return name;
  return `${name}, not available: nothing is issued or revoked until it is back; sessions go on`;
}
