import type { StoredApiKey } from '../credentials/api-keys.ts';
import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { CommandFailure } from './command-failure.ts';
import { auditCommand } from './operator/audit-command.ts';
import { writeJson } from './operator/json-document.ts';
import { keyRevokedUntil } from './operator/keys.ts';
import { addStoreFlags, type StoreOptions, storeHelp, withStore } from './operator/store-access.ts';
import { visible } from './operator/table.ts';

const examples = `
Examples:
  $ taciturn keys revoke 3Q0xJpZk8f2L
  $ taciturn keys revoke --json 3Q0xJpZk8f2L
  $ taciturn keys revoke -- -Q0xJpZk8f2L

Everything that the key has issued is revoked with it, and sessions of that end. There is no way back.
${storeHelp}`;

/** `taciturn keys revoke` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('revoke')
    .description('Revoke an API key and all that it has issued')
    .argument('<ID>', 'the id of the key: what stands before its dot')
    .addHelpText('after', examples)
    .action(async (argument: string, options: StoreOptions) => {
      // Who gives the whole key means it; its secret is no use any more in a moment.
      const id = argument.split('.', 1)[0]!;
      const key = await run(id, options, context);
      if (options.json === true) writeJson({ revoked: { id, name: key.name } }, context);
      else render(key, context);
      context.complete(ExitCode.success);
    });
  addStoreFlags(command);
};

function run(id: string, options: StoreOptions, context: CommandContext): Promise<StoredApiKey> {
  return withStore(options, context, 'refuse', async (store, configuration) => {
    const key = await store.key(id);
    const removed = key && (await store.removeKey(id, keyRevokedUntil(key, configuration, context.unixNow())));
    if (!removed) {
      throw new CommandFailure(
        ExitCode.failure,
        'not_found',
        `There is no key with the id ${JSON.stringify(id)}; taciturn keys list shows those that there are.`,
      );
    }
    auditCommand({ action: 'key-revoked', subject: id, details: { name: key.name } }, configuration, context);
    return key;
  });
}

function render({ id, name }: StoredApiKey, { streams }: CommandContext): void {
  streams.stdout.write(`The key ${id} (${visible(name)}) and all that it has issued are revoked.\n`);
}
