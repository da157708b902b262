import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { CommandFailure } from './command-failure.ts';
import { counted, formatAge, formatBytes } from './operator/amounts.ts';
import { addDaemonFlags, type DaemonOptions } from './operator/daemon-address.ts';
import { DaemonClient } from './operator/daemon-client.ts';
import { writeJson } from './operator/json-document.ts';
import { Session, sessionPath } from './operator/sessions.ts';
import { renderFacts } from './operator/table.ts';

const examples = `
Examples:
  $ taciturn sessions show 5f0c1f8e2a7b4d39 --key-file operator.key
  $ TACITURN_API_KEY=… taciturn sessions show 5f0c1f8e2a7b4d39 --json

The key needs the scope read. The log of the server names the allocation by the same id.`;

/** `taciturn sessions show` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('show')
    .description('Show one live allocation of the running server')
    .argument('<ID>', 'the id of the session, as sessions list and the log have it')
    .addHelpText('after', examples)
    .action(async (id: string, options: DaemonOptions) => {
      const client = await DaemonClient.open(options, context);
      const session = await client.find(sessionPath(id), Session);
      if (session === undefined) throw noSession(id);
      if (options.json === true) writeJson({ session }, context);
      else render(session, context);
      context.complete(ExitCode.success);
    });
  addDaemonFlags(command);
};

function noSession(id: string): CommandFailure {
  return new CommandFailure(
    ExitCode.failure,
    'not_found',
    `There is no live session ${JSON.stringify(id)}: it has ended, or belongs to another server. taciturn sessions list shows those that there are.`,
  );
}

function render(session: Session, context: CommandContext): void {
  const now = context.unixNow();
  const traffic = ({ packets, bytes }: Session['toClient']) => `${formatBytes(bytes)} in ${counted(packets, 'packet')}`;
  renderFacts(
    [
      ['id', session.id],
      ['user', session.user],
      ...(session.label === undefined ? [] : [['label', session.label] as const]),
      ['client', `${session.client} over ${session.transport.toUpperCase()}`],
      ['relayed', session.relayed],
      ['since', `${session.createdAt} (${formatAge(now - Date.parse(session.createdAt) / 1000)})`],
      ['until', `${session.expiresAt}, unless the client refreshes it`],
      ['peers', `${counted(session.permissions, 'permission')}, ${counted(session.channels, 'channel')}`],
      ['up', `${traffic(session.fromClient)} from the client to peers`],
      ['down', `${traffic(session.toClient)} from peers to the client`],
      ['server', session.server === 0 ? 'the main thread' : `worker ${session.server}`],
    ],
    context,
  );
}
