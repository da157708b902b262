import type { StoredApiKey } from '../credentials/api-keys.ts';
import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { writeJson } from './operator/json-document.ts';
import { limitsInWords } from './operator/key-limits.ts';
import { presentKey } from './operator/keys.ts';
import { addStoreFlags, type StoreOptions, storeHelp, withStore } from './operator/store-access.ts';
import { renderTable } from './operator/table.ts';

const examples = `
Examples:
  $ taciturn keys list --config /etc/taciturn/taciturn.yaml
  $ taciturn keys list --json
${storeHelp}`;

/** `taciturn keys list` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('list')
    .description('List the API keys with their scopes and limits')
    .addHelpText('after', examples)
    .action(async (options: StoreOptions) => {
      const stored = await withStore(options, context, 'refuse', (store) => store.keys());
      const keys = [...stored].sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
      if (options.json === true) writeJson({ keys: keys.map(presentKey) }, context);
      else render(keys, context);
      context.complete(ExitCode.success);
    });
  addStoreFlags(command);
};

function render(keys: readonly StoredApiKey[], context: CommandContext): void {
  if (keys.length === 0) {
    context.streams.stderr.write('no key: the server makes one at its first start, taciturn keys create another\n');
    return;
  }
  const rows = keys.map((key) => {
    const { id, name, scopes, createdAt } = presentKey(key);
    return [id, name, scopes.join(' '), createdAt.slice(0, 10)];
  });
  const columns = ['ID', 'NAME', 'SCOPES', 'CREATED'].map((title) => ({ title, shrinks: title === 'NAME' }));
  const limits = keys.map((key) => limitsInWords(key.limits ?? {}));
  renderTable(columns, rows, context, limits);
}
