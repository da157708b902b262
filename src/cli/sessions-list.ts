import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { counted, formatAge, formatBytes } from './operator/amounts.ts';
import { addDaemonFlags, type DaemonOptions } from './operator/daemon-address.ts';
import { DaemonClient } from './operator/daemon-client.ts';
import { writeJson } from './operator/json-document.ts';
import { allSessions, type Session, type SessionFilter } from './operator/sessions.ts';
import { type Column, renderTable } from './operator/table.ts';

const examples = `
Examples:
  $ taciturn sessions list --key-file operator.key
  $ taciturn sessions list --user alice
  $ TACITURN_API_KEY=… taciturn sessions list --label room-7 --json

The key needs the scope read. UP is what the client has sent to peers, DOWN what peers have sent to it.`;

const columns: readonly Column[] = [
  { title: 'ID' },
  { title: 'USER', shrinks: true },
  { title: 'LABEL', shrinks: true },
  { title: 'CLIENT', shrinks: true },
  { title: 'OVER' },
  { title: 'UP', align: 'right' },
  { title: 'DOWN', align: 'right' },
  { title: 'AGE', align: 'right' },
];

/** `taciturn sessions list` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('list')
    .description('List the live allocations of the running server with their traffic so far')
    .option('--user <NAME>', 'only those of this user')
    .option('--label <LABEL>', 'only those whose credential has this label')
    .addHelpText('after', examples)
    .action(async (options: DaemonOptions & SessionFilter) => {
      const client = await DaemonClient.open(options, context);
      const sessions = await allSessions(client, options, context);
      if (options.json === true) writeJson({ sessions }, context);
      else render(sessions, context);
      context.complete(ExitCode.success);
    });
  addDaemonFlags(command);
};

function render(sessions: readonly Session[], context: CommandContext): void {
  const now = context.unixNow();
  const row = ({ id, user, label = '', client, transport, fromClient, toClient, createdAt }: Session) => [
    id,
    user,
    label,
    client,
    transport,
    formatBytes(fromClient.bytes),
    formatBytes(toClient.bytes),
    formatAge(now - Date.parse(createdAt) / 1000),
  ];
  if (sessions.length > 0) renderTable(columns, sessions.map(row), context);
  const total = (way: 'fromClient' | 'toClient') =>
    formatBytes(sessions.reduce((sum, { [way]: { bytes } }) => sum + bytes, 0));
  const traffic = sessions.length > 1 ? `, ${total('fromClient')} up, ${total('toClient')} down` : '';
  const count = sessions.length === 0 ? 'no session' : counted(sessions.length, 'session');
  context.streams.stderr.write(`${count}${traffic}\n`);
}
