import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { wrongUsage } from './command-failure.ts';
import { counted } from './operator/amounts.ts';
import { addDaemonFlags, type DaemonOptions } from './operator/daemon-address.ts';
import { DaemonClient } from './operator/daemon-client.ts';
import { writeJson } from './operator/json-document.ts';
import { allSessions, sessionPath } from './operator/sessions.ts';
import { visible } from './operator/table.ts';
import { StatusLine } from './status-line.ts';

interface KillOptions extends DaemonOptions {
  readonly user?: string;
}

interface KillReport {
  readonly ended: readonly string[];
  /** Of those that were named: the ones that there are not. */
  readonly unknown: readonly string[];
}

/** How many are asked for at once. */
const atOnce = 8;

const examples = `
Examples:
  $ taciturn sessions kill 5f0c1f8e2a7b4d39 --key-file operator.key
  $ taciturn sessions kill --user alice

The key needs the scope admin, and read as well for --user. The client may allocate again as long as its credential is good:
to shut it out, revoke the credential (DELETE /v1/credentials/{username}) or the user (POST /v1/users/{name}/revoke), which
ends the sessions too.

Exit status: 0 all have ended, 1 there was no session of some id, or a failure, 64 wrong usage.`;

/** `taciturn sessions kill` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('kill')
    .description('End live allocations of the running server at once')
    .argument('[ID...]', 'the ids of sessions')
    .option('--user <NAME>', 'all sessions of this user')
    .addHelpText('after', examples)
    .action(async (ids: readonly string[], options: KillOptions) => {
      if (ids.length > 0 === (options.user !== undefined)) {
        throw wrongUsage('Name either the ids of sessions, or a user with --user.');
      }
      const client = await DaemonClient.open(options, context);
      const report = await kill(client, ids, options.user, context);
      if (options.json === true) writeJson(report, context);
      else render(report, options.user, context);
      context.complete(report.unknown.length === 0 ? ExitCode.success : ExitCode.failure);
    });
  addDaemonFlags(command);
};

async function kill(
  client: DaemonClient,
  ids: readonly string[],
  user: string | undefined,
  context: CommandContext,
): Promise<KillReport> {
  if (user === undefined) return endAll(client, [...new Set(ids)], context);
  const sessions = await allSessions(client, { user }, context);
  const { ended } = await endAll(
    client,
    sessions.map(({ id }) => id),
    context,
  );
  // One that has ended by itself since it was listed is none to complain about.
  return { ended, unknown: [] };
}

async function endAll(client: DaemonClient, ids: readonly string[], context: CommandContext): Promise<KillReport> {
  const status = new StatusLine(context);
  const ended: string[] = [];
  const unknown: string[] = [];
  try {
    for (let from = 0; from < ids.length; from += atOnce) {
      const some = ids.slice(from, from + atOnce);
      const found = await Promise.all(some.map((id) => client.remove(sessionPath(id))));
      for (const [i, id] of some.entries()) (found[i] ? ended : unknown).push(id);
      status.show(`ended ${counted(ended.length, 'session')} of ${ids.length}`);
    }
  } finally {
    status.clear();
  }
  return { ended, unknown };
}

function render({ ended, unknown }: KillReport, user: string | undefined, { streams }: CommandContext): void {
  if (user !== undefined && ended.length === 0) streams.stdout.write(`${visible(user)} has no session.\n`);
  else if (ended.length > 0) streams.stdout.write(`Ended: ${counted(ended.length, 'session')}.\n`);
  for (const id of unknown) streams.stderr.write(`There is no live session ${JSON.stringify(id)}.\n`);
}
