import { Option } from 'commander';
import { type HostPort, parseHostPort } from '../config/host.ts';
import { loadConfiguration } from '../config/load-configuration.ts';
import { diagnosisExitCode } from '../nat/verdict/verdict.ts';
import type { CommandContext, RegisterCommand } from './command-context.ts';
import { badConfiguration, wrongUsage } from './command-failure.ts';
import { addConfigFlag, collect, configurationFile } from './configuration-flags.ts';
import { renderDiagnosis, renderDiagnosisJson } from './render-diagnosis.ts';
import { StatusLine } from './status-line.ts';

interface DiagnoseFlags {
  readonly server?: readonly string[];
  readonly family?: '4' | '6';
  readonly lifetime?: boolean;
  readonly hairpin?: boolean;
  readonly captivePortal?: boolean;
  readonly config?: string;
  readonly json?: boolean;
}

const stunPort = 3478;

const examples = `
Examples:
  $ taciturn diagnose
  $ taciturn diagnose --server stun.example.org --server 192.0.2.1:3479 --server '[2001:db8::1]'
  $ taciturn diagnose --lifetime --hairpin
  $ taciturn diagnose --json > here.json     (then taciturn pair here.json there.json)

It asks the servers of diagnose.servers in the configuration, by default public ones, which learn this network's
address. The tests of RFC 5780 need a server with two addresses: taciturn is one, with natDiscovery. It takes about
6 seconds and never more than 15; --lifetime takes minutes. docs/diagnosing.md says how to read the report.

Exit status: 0 direct connections are likely, 1 a relay is needed, 3 it could not be told, 64 wrong usage,
78 bad configuration.`;

/** `taciturn diagnose` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('diagnose')
    .description('What NAT am I behind, and does this network need a relay')
    .option('--server <HOST[:PORT]>', 'a STUN server to ask (repeatable)', collect)
    .addOption(new Option('--family <FAMILY>', 'test IPv4 or IPv6 only').choices(['4', '6']))
    .option('--lifetime', 'find out how long a connection without traffic is remembered: takes minutes')
    .option(
      '--hairpin',
      'test packets from this network to its own public address: some firewalls take it for an attack',
    )
    .option('--captive-portal', 'look for a login page, by asking a web server that is known to answer nothing')
    .option('--json', 'one JSON document, with everything that pair needs')
    .addHelpText('after', examples)
    .action((flags: DiagnoseFlags) => run(flags, context));
  addConfigFlag(command);
};

async function run(flags: DiagnoseFlags, context: CommandContext): Promise<void> {
  const servers = serversOf(flags, context);
  const { diagnose } = await import('../diagnosis/diagnose.ts');
  const { systemNetwork } = await import('../diagnosis/system-network.ts');
  const status = new StatusLine(context);
  const options = {
    servers,
    families: families[flags.family ?? 'both'],
    lifetime: flags.lifetime === true,
    hairpin: flags.hairpin === true,
    captivePortal: flags.captivePortal === true,
    onProgress: (what: string) => status.show(what),
  };
  try {
    const diagnosis = await diagnose(options, systemNetwork());
    status.clear();
    if (flags.json === true) renderDiagnosisJson(diagnosis, context);
    else renderDiagnosis(diagnosis, context);
    context.complete(diagnosisExitCode(diagnosis.verdict));
  } finally {
    status.clear();
  }
}

const families = { both: ['ipv4', 'ipv6'], '4': ['ipv4'], '6': ['ipv6'] } as const;

function serversOf(flags: DiagnoseFlags, context: CommandContext): string[] {
  if (flags.server !== undefined) return flags.server.map(givenServer);
  const { environment, workingDirectory } = context;
  const loaded = loadConfiguration({ file: configurationFile(flags, environment), environment, workingDirectory });
  if (!loaded.ok) throw badConfiguration(loaded.problems);
  const { servers } = loaded.configuration.diagnose;
  if (servers.length === 0) {
    throw wrongUsage(
      'There is no server to ask: diagnose.servers in the configuration is empty. Name one with --server.',
    );
  }
  return servers.map(written);
}

/** An IPv6 address may also come without brackets, where no port is given. */
function givenServer(text: string): string {
  const server = parseHostPort(text, stunPort) ?? parseHostPort(`[${text}]`, stunPort);
  if (server === undefined) {
    throw wrongUsage(
      `--server ${text}: this is no HOST or HOST:PORT, such as stun.example.org:3478 or [2001:db8::1]:3478.`,
    );
  }
  return written(server);
}

function written({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
