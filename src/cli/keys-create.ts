import { type ApiScope, apiScopes, createApiKey, type StoredApiKey } from '../credentials/api-keys.ts';
import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { wrongUsage } from './command-failure.ts';
import { collect } from './configuration-flags.ts';
import { auditCommand } from './operator/audit-command.ts';
import { writeJson } from './operator/json-document.ts';
import { addKeyLimitFlags, type KeyLimitOptions, limitsInWords, readKeyLimits } from './operator/key-limits.ts';
import { presentKey } from './operator/keys.ts';
import { addStoreFlags, type StoreOptions, storeHelp, withStore } from './operator/store-access.ts';

interface CreateOptions extends StoreOptions, KeyLimitOptions {
  readonly name: string;
  readonly scope: readonly string[];
}

interface CreatedKey {
  /** The one time that it can be shown. */
  readonly key: string;
  readonly stored: StoredApiKey;
}

const examples = `
Examples:
  $ taciturn keys create --name app --scope issue --max-ttl 8h --rate 50
  $ taciturn keys create --name operator --scope read --scope admin > operator.key
  $ taciturn keys create --name tenant-a --scope issue --scope revoke --user-prefix a- --bytes-per-day 10GB

issue makes credentials, revoke takes them back, read shows sessions and usage, admin is for keys, users and the server.
The key goes to stdout, and everything else to stderr.
${storeHelp}`;

/** `taciturn keys create` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('create')
    .description('Make an API key. It is shown once, and only its hash is kept')
    .requiredOption('--name <NAME>', 'what it is for, to know it by later')
    .requiredOption('--scope <SCOPE>', `${apiScopes.join(', ')} (repeatable)`, collect)
    .addHelpText('after', examples)
    .action(async (options: CreateOptions) => {
      const created = await run(options, context);
      if (options.json === true) writeJson({ key: created.key, ...presentKey(created.stored) }, context);
      else render(created, context);
      context.complete(ExitCode.success);
    });
  addKeyLimitFlags(command);
  addStoreFlags(command);
};

async function run(options: CreateOptions, context: CommandContext): Promise<CreatedKey> {
  const name = checkedName(options.name);
  const scopes = checkedScopes(options.scope);
  const limits = readKeyLimits(options);
  return withStore(options, context, 'create', async (store, configuration) => {
    const { minSeconds } = configuration.credentials.ttl;
    if (limits.maxTtlSeconds !== undefined && limits.maxTtlSeconds < minSeconds) {
      throw wrongUsage(`--max-ttl is below credentials.ttl.min (${minSeconds} s): such a key could issue nothing.`);
    }
    const { randomBytes } = context;
    const { key, stored } = createApiKey({ name, scopes, limits, now: context.unixNow(), randomBytes });
    if (!(await store.addKey(stored))) throw new Error('a random id was there already');
    auditCommand({ action: 'key-created', subject: stored.id, details: { name, scopes } }, configuration, context);
    return { key, stored };
  });
}

function checkedName(name: string): string {
  if (/^[^\p{Cc}]{1,128}$/u.test(name)) return name;
  throw wrongUsage('--name takes 1 to 128 characters without control characters.');
}

function checkedScopes(given: readonly string[]): ApiScope[] {
  const unknown = given.find((scope) => !(apiScopes as readonly string[]).includes(scope));
  if (unknown !== undefined) throw wrongUsage(`--scope takes ${apiScopes.join(', ')}, not ${unknown}.`);
  return apiScopes.filter((scope) => given.includes(scope));
}

function render({ key, stored }: CreatedKey, { streams }: CommandContext): void {
  const limits = limitsInWords(stored.limits ?? {});
  streams.stderr.write(
    `The key ${stored.name} may: ${stored.scopes.join(', ')}${limits.length === 0 ? '' : ` (${limits.join('; ')})`}.\n` +
      'It is shown this once, and only its hash is kept:\n',
  );
  streams.stdout.write(`${key}\n`);
}
