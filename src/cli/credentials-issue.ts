import { networkInterfaces } from 'node:os';
import { parseIceUrl } from '../client/ice-url.ts';
import { loadConfiguration } from '../config/load-configuration.ts';
import { parseDurationMilliseconds } from '../config/quantity.ts';
import type { Configuration } from '../config/settings.ts';
import { type IceServer, iceServers, offeredUrls } from '../credentials/ice-servers.ts';
import { type IssuedCredential, issueCredential } from '../credentials/issue.ts';
import { configuredPorts } from '../daemon/listening-points.ts';
import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { badConfiguration, wrongUsage } from './command-failure.ts';
import { addConfigFlag, collect, configurationFile } from './configuration-flags.ts';
import { sharedSecret } from './shared-secret-input.ts';

interface IssueOptions {
  readonly user: string;
  readonly ttl?: string;
  readonly label?: string;
  readonly secretFile?: string;
  readonly url?: readonly string[];
  readonly config?: string;
  readonly json?: boolean;
}

interface IssueReport {
  readonly credential: IssuedCredential;
  readonly iceServers: readonly IceServer[];
  /** What was assumed and should be said. */
  readonly note?: string;
}

const examples = `
Examples:
  $ taciturn credentials issue --user alice
  $ taciturn credentials issue --user alice --ttl 8h --label room-7 --url 'turn:turn.example.org:3478?transport=udp'
  $ pass show turn-secret | taciturn credentials issue --user alice --secret-file -

The secret is the first shared secret of the configuration, or the one that the first start made.`;

/** `taciturn credentials issue` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('issue')
    .description('Make a time-limited credential from the shared secret, offline, and print it as iceServers')
    .requiredOption('--user <NAME>', 'whom quotas count')
    .option('--ttl <TIME>', 'how long it is good for, such as 30m or 8h (default: credentials.ttl.default)')
    .option('--label <LABEL>', 'what it is for; accounting groups by it')
    .option('--secret-file <FILE>', 'read the secret from a file, or from stdin with -')
    .option('--url <URL>', 'a stun:, turn: or turns: URL to put in (repeatable)', collect)
    .option('--json', 'one JSON document, with the credential and its expiry by themselves too')
    .addHelpText('after', examples)
    .action(async (options: IssueOptions) => {
      render(await run(options, context), options.json === true, context);
      context.complete(ExitCode.success);
    });
  addConfigFlag(command);
};

async function run(options: IssueOptions, context: CommandContext): Promise<IssueReport> {
  const { environment, workingDirectory } = context;
  const ttlSeconds = options.ttl === undefined ? undefined : parseTtl(options.ttl);
  const given = (options.url ?? []).map(checkUrl);
  const file = configurationFile(options, environment);
  const loaded = loadConfiguration({ file, environment, workingDirectory });
  if (!loaded.ok) throw badConfiguration(loaded.problems);
  const { configuration } = loaded;
  const issued = issueCredential(
    { user: options.user, label: options.label, ttlSeconds },
    {
      secret: await sharedSecret(options.secretFile, configuration, context),
      ttl: configuration.credentials.ttl,
      now: context.unixNow(),
      randomBytes: context.randomBytes,
    },
  );
  if (!issued.ok) throw wrongUsage(issued.message);
  const { credential } = issued;
  if (given.length > 0) return { credential, iceServers: iceServers(given, credential) };
  const { host, note } = hostOf(configuration);
  const urls = offeredUrls(host, configuredPorts(configuration));
  return { credential, iceServers: iceServers(urls, credential), ...(note === undefined ? {} : { note }) };
}

function parseTtl(text: string): number {
  const milliseconds = parseDurationMilliseconds(text);
  if (milliseconds === undefined || milliseconds % 1000 !== 0) {
    throw wrongUsage(`--ttl ${text} is no duration in whole seconds; write it as 90s, 30m or 8h.`);
  }
  return milliseconds / 1000;
}

function checkUrl(url: string): string {
  const parsed = parseIceUrl(url);
  if (!parsed.ok) throw wrongUsage(`--url ${url} is no STUN or TURN URL: ${parsed.error.reason}.`);
  return url;
}

/** The host that URLs name: what is configured, else an address of this machine, and then that is said. */
function hostOf({ publicHost, relay, listen }: Configuration): { readonly host: string; readonly note?: string } {
  if (publicHost !== undefined) return { host: publicHost };
  for (const { external } of [relay.ipv4, relay.ipv6]) {
    if (external.kind === 'address') return { host: external.address };
    if (external.kind === 'hostname') return { host: external.hostname };
  }
  const [listened] = listen.addresses === 'auto' ? [] : listen.addresses;
  const host = listened ?? ownAddress();
  return { host, note: `No public host is configured, so the URLs name ${host}; set publicHost, or give --url.` };
}

function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}

function render(report: IssueReport, json: boolean, { streams }: CommandContext): void {
  const { credential, note } = report;
  if (note !== undefined) streams.stderr.write(`note: ${note}\n`);
  const more = {
    username: credential.username,
    credential: credential.password,
    ttlSeconds: credential.ttlSeconds,
    expiresAt: new Date(credential.expiresAt * 1000).toISOString(),
  };
  const document = json ? { schema: 1, iceServers: report.iceServers, ...more } : { iceServers: report.iceServers };
  streams.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}
