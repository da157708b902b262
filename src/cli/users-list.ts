import type { Configuration } from '../config/settings.ts';
import type { StoredUser } from '../store/store.ts';
import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { writeJson } from './operator/json-document.ts';
import { addRealmFlag, addStoreFlags, type StoreOptions, storeHelp, withStore } from './operator/store-access.ts';
import { renderTable } from './operator/table.ts';

interface ListedUser {
  readonly name: string;
  readonly from: 'configuration' | 'store';
  readonly realm: string;
  /** Which algorithms the user can authenticate with at this server; none when the realm is another one. */
  readonly worksWith: readonly ('md5' | 'sha256')[];
  /** Unknown for those of the configuration. */
  readonly createdAt?: string;
  /** Why it is of no use. */
  readonly unused?: 'other-realm' | 'configured-too';
}

const examples = `
Examples:
  $ taciturn users list --config /etc/taciturn/taciturn.yaml
  $ taciturn users list --json
${storeHelp}`;

/** `taciturn users list` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('list')
    .description('List the static users, those of the configuration and those in the store')
    .addHelpText('after', examples)
    .action(async (options: StoreOptions) => {
      const users = await withStore(options, context, 'refuse', async (store, configuration) =>
        listed(await store.users(), configuration),
      );
      if (options.json === true) writeJson({ users }, context);
      else render(users, context);
      context.complete(ExitCode.success);
    });
  addRealmFlag(command);
  addStoreFlags(command);
};

function listed(stored: readonly StoredUser[], { authentication, realm }: Configuration): ListedUser[] {
  const both = ['md5', 'sha256'] as const;
  const configured = new Set(authentication.users.map(({ name }) => name));
  const fromConfiguration = [...configured].map(
    (name): ListedUser => ({ name, from: 'configuration', realm, worksWith: both }),
  );
  const fromStore = stored.map((user): ListedUser => {
    const unused = configured.has(user.name) ? 'configured-too' : user.realm === realm ? undefined : 'other-realm';
    return {
      name: user.name,
      from: 'store',
      realm: user.realm,
      worksWith: unused !== undefined ? [] : user.sha256Key === undefined ? ['md5'] : both,
      createdAt: new Date(user.createdAt * 1000).toISOString(),
      ...(unused !== undefined && { unused }),
    };
  });
  return [...fromConfiguration, ...fromStore].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function render(users: readonly ListedUser[], context: CommandContext): void {
  if (users.length === 0) {
    context.streams.stderr.write('no static user; taciturn users add makes one\n');
    return;
  }
  const columns = ['NAME', 'FROM', 'CREATED', 'WORKS WITH'].map((title) => ({ title, shrinks: title === 'NAME' }));
  const row = ({ name, from, createdAt = '', ...user }: ListedUser) => [name, from, createdAt.slice(0, 10), use(user)];
  renderTable(columns, users.map(row), context);
}

function use({ worksWith, realm, unused }: Pick<ListedUser, 'worksWith' | 'realm' | 'unused'>): string {
  if (unused === 'other-realm') return `nothing: for the realm ${realm}`;
  if (unused === 'configured-too') return 'nothing: in the configuration as well';
  return worksWith.length === 1 ? 'MD5 only' : 'MD5 and SHA-256';
}
