import { resolve } from 'node:path';
import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { counted } from './operator/amounts.ts';
import { auditCommand } from './operator/audit-command.ts';
import { readCoturnDatabase } from './operator/coturn-database.ts';
import { writeJson } from './operator/json-document.ts';
import { addRealmFlag, addStoreFlags, type StoreOptions, storeHelp, withStore } from './operator/store-access.ts';
import { renderTable } from './operator/table.ts';
import { type LeftOut, type LeftOutReason, planImport } from './operator/user-import.ts';
import { StatusLine } from './status-line.ts';

interface ImportOptions extends StoreOptions {
  readonly replace?: boolean;
}

interface ImportReport {
  readonly realm: string;
  readonly imported: readonly string[];
  readonly unchanged: readonly string[];
  readonly leftOut: readonly LeftOut[];
  /** Shared secrets of the database for our realm, which have their place in the configuration. */
  readonly sharedSecrets: number;
}

/** How many are shown to people; the JSON document has all. */
const mostShown = 20;

const examples = `
Examples:
  $ taciturn users import /var/lib/turn/turndb
  $ taciturn users import turndb.sqlite --realm example.org --json

It reads the users that turnadmin has made (the table turnusers_lt), of our realm only: a key is good for no other realm.
coturn keeps the MD5 key only, which is all that browsers use. A client that chooses SHA-256 where a server offers both
(RFC 8489) is refused until users add gives the user a password. Users that are in the store with another key stay as they
are without --replace.
${storeHelp}`;

/** `taciturn users import` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('import')
    .description('Import static users from the SQLite database of a coturn server')
    .argument('<FILE>', 'the database, such as /var/lib/turn/turndb')
    .option('--replace', 'give users that are in the store already the key of the database')
    .addHelpText('after', examples)
    .action(async (file: string, options: ImportOptions) => {
      const report = await run(file, options, context);
      if (options.json === true) writeJson(report, context);
      else render(report, context);
      context.complete(ExitCode.success);
    });
  addRealmFlag(command);
  addStoreFlags(command);
};

async function run(file: string, options: ImportOptions, context: CommandContext): Promise<ImportReport> {
  const { users, secrets } = readCoturnDatabase(resolve(context.workingDirectory, file));
  return withStore(options, context, 'create', async (store, configuration) => {
    const { realm, authentication } = configuration;
    const { put, unchanged, leftOut } = planImport(users, {
      realm,
      configured: new Set(authentication.users.map(({ name }) => name)),
      stored: await store.users(),
      replace: options.replace === true,
      now: context.unixNow(),
    });
    const status = new StatusLine(context);
    try {
      for (const [i, user] of put.entries()) {
        status.show(`importing ${i + 1} of ${put.length}`);
        await store.putUser(user);
        const details = { imported: true };
        auditCommand({ action: 'user-added', subject: user.name, details }, configuration, context);
      }
    } finally {
      status.clear();
    }
    const imported = put.map(({ name }) => name);
    return { realm, imported, unchanged, leftOut, sharedSecrets: secrets.get(realm) ?? 0 };
  });
}

function render({ realm, imported, unchanged, leftOut, sharedSecrets }: ImportReport, context: CommandContext): void {
  const { stdout, stderr } = context.streams;
  const before = unchanged.length === 0 ? '' : `; ${counted(unchanged.length, 'user was', 'users were')} there already`;
  const count = imported.length === 0 ? 'No user is' : counted(imported.length, 'user is', 'users are');
  stdout.write(`${sentence(count)} imported for the realm ${realm}${before}.\n`);
  if (imported.length > 0) {
    stderr.write(
      'note: coturn keeps the MD5 key only, which is all that browsers use; a client that chooses SHA-256 (RFC 8489)\n' +
        '      is refused until taciturn users add gives the user a password\n',
    );
  }
  if (leftOut.length > 0) {
    stdout.write(`${sentence(counted(leftOut.length, 'user is', 'users are'))} left out:\n`);
    const columns = ['NAME', 'REALM', 'WHY'].map((title) => ({ title, shrinks: title !== 'WHY' }));
    const rows = leftOut.slice(0, mostShown).map((user) => [user.name, user.realm, reasons[user.why]]);
    renderTable(columns, rows, context);
    if (leftOut.length > mostShown) stderr.write(`and ${leftOut.length - mostShown} more; --json has all\n`);
  }
  if (leftOut.some(({ why }) => why === 'other-realm')) {
    stderr.write('note: a server has one realm, the key realm of its configuration; --realm names another here\n');
  }
  if (sharedSecrets > 0) {
    const secrets = counted(sharedSecrets, 'shared secret');
    stderr.write(
      `note: it has ${secrets} for this realm (turn_secret), which authentication.sharedSecretsFile takes\n`,
    );
  }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

const reasons: Readonly<Record<LeftOutReason, string>> = {
  'other-realm': 'of another realm',
  configured: 'in the configuration already',
  exists: 'in the store with another key',
  'bad-name': 'no valid name',
  'bad-key': 'no MD5 key of 32 digits',
};
