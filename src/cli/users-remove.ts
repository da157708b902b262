import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { CommandFailure } from './command-failure.ts';
import { auditCommand } from './operator/audit-command.ts';
import { writeJson } from './operator/json-document.ts';
import { addStoreFlags, type StoreOptions, storeHelp, withStore } from './operator/store-access.ts';
import { visible } from './operator/table.ts';

const examples = `
Examples:
  $ taciturn users remove alice
  $ taciturn users remove alice --config /etc/taciturn/taciturn.yaml --json

Sessions of the user at running servers end within a second.
${storeHelp}`;

/** `taciturn users remove` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('remove')
    .description('Remove a static user from the store')
    .argument('<NAME>', 'the username')
    .addHelpText('after', examples)
    .action(async (name: string, options: StoreOptions) => {
      await run(name, options, context);
      if (options.json === true) writeJson({ removed: name }, context);
      else context.streams.stdout.write(`The user ${visible(name)} is removed.\n`);
      context.complete(ExitCode.success);
    });
  addStoreFlags(command);
};

function run(name: string, options: StoreOptions, context: CommandContext): Promise<void> {
  return withStore(options, context, 'refuse', async (store, configuration) => {
    if (await store.removeUser(name)) {
      auditCommand({ action: 'user-removed', subject: name }, configuration, context);
      return;
    }
    const isConfigured = configuration.authentication.users.some((user) => user.name === name);
    throw isConfigured
      ? failure(
          'user_configured',
          `The user ${JSON.stringify(name)} is in the configuration (authentication.users) and not in the store. Take it out there, then: taciturn reload`,
        )
      : failure(
          'not_found',
          `There is no user ${JSON.stringify(name)}; taciturn users list shows those that there are.`,
        );
  });
}

function failure(code: string, message: string): CommandFailure {
  return new CommandFailure(ExitCode.failure, code, message);
}
