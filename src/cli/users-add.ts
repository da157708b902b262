import { minimumPasswordBytes, secretFault } from '../config/secret-strength.ts';
import { longTermKey, PasswordAlgorithm } from '../stun/long-term-key.ts';
import { isUserName } from '../stun/user-name.ts';
import { firstLine } from './check-credentials.ts';
import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { CommandFailure, wrongUsage } from './command-failure.ts';
import { auditCommand } from './operator/audit-command.ts';
import { writeJson } from './operator/json-document.ts';
import { addRealmFlag, addStoreFlags, type StoreOptions, storeHelp, withStore } from './operator/store-access.ts';

interface AddOptions extends StoreOptions {
  readonly passwordFile?: string;
  readonly generate?: boolean;
}

interface AddReport {
  readonly user: string;
  readonly realm: string;
  readonly replaced: boolean;
  /** Only one that was made here; the one time that it can be shown. */
  readonly password?: string;
}

const examples = `
Examples:
  $ taciturn users add alice --password-file alice.password
  $ pass show turn/alice | taciturn users add alice --password-file -
  $ taciturn users add bob --generate
  $ TACITURN_PASSWORD=… taciturn users add carol

Kept are the long-term keys of both algorithms for the realm of the configuration, never the password. With another realm
they are of no use. A generated password goes to stdout, and everything else to stderr.
${storeHelp}`;

/** `taciturn users add` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('add')
    .description('Add a static user, or give one another password')
    .argument('<NAME>', 'the username')
    .option('--password-file <FILE>', 'read the password from a file, or from stdin with - (or TACITURN_PASSWORD)')
    .option('--generate', 'make a password, and show it once')
    .addHelpText('after', examples)
    .action(async (name: string, options: AddOptions) => {
      const report = await run(name, options, context);
      if (options.json === true) writeJson(report, context);
      else render(report, context);
      context.complete(ExitCode.success);
    });
  addRealmFlag(command);
  addStoreFlags(command);
};

async function run(name: string, options: AddOptions, context: CommandContext): Promise<AddReport> {
  if (!isUserName(name)) {
    throw wrongUsage('The name takes 1 to 508 bytes without a colon or control characters.');
  }
  const password = await newPassword(options, context);
  return withStore(options, context, 'create', async (store, configuration) => {
    const { realm, authentication } = configuration;
    if (authentication.users.some((user) => user.name === name)) throw configured(name);
    const key = (algorithm: PasswordAlgorithm) => longTermKey(algorithm, name, realm, password).toString('hex');
    const isNew = await store.putUser({
      name,
      realm,
      md5Key: key(PasswordAlgorithm.md5),
      sha256Key: key(PasswordAlgorithm.sha256),
      createdAt: context.unixNow(),
    });
    auditCommand({ action: 'user-added', subject: name, details: { replaced: !isNew } }, configuration, context);
    return { user: name, realm, replaced: !isNew, ...(options.generate && { password }) };
  });
}

async function newPassword({ generate, passwordFile }: AddOptions, context: CommandContext): Promise<string> {
  if (generate) {
    if (passwordFile !== undefined) throw wrongUsage('--generate and --password-file exclude each other.');
    return context.randomBytes(18).toString('base64url');
  }
  const { TACITURN_PASSWORD } = context.environment;
  const password =
    passwordFile === undefined ? TACITURN_PASSWORD : await firstLine('--password-file', passwordFile, context);
  if (!password) {
    throw wrongUsage(
      'A password is needed: give --password-file FILE (or - for stdin), set TACITURN_PASSWORD, or let one be made with --generate.',
    );
  }
  const fault = secretFault(password, minimumPasswordBytes);
  if (fault !== undefined) throw wrongUsage(`The password is refused because ${fault}. --generate makes a good one.`);
  return password;
}

function configured(name: string): CommandFailure {
  return new CommandFailure(
    ExitCode.failure,
    'user_configured',
    `The user ${JSON.stringify(name)} is in the configuration (authentication.users), which counts before the store. Change the password there, or take the user out of it first.`,
  );
}

function render({ user, realm, replaced, password }: AddReport, { streams }: CommandContext): void {
  const what = replaced ? 'has another password now' : 'is added';
  const shown = password === undefined ? '' : ' The password, which is shown this once:';
  streams.stderr.write(`The user ${user} ${what} (realm ${realm}).${shown}\n`);
  if (password !== undefined) streams.stdout.write(`${password}\n`);
}
