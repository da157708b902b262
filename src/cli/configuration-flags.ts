import type { Command } from 'commander';
import type { FlagValue } from '../config/load-configuration.ts';
import type { Environment } from './command-context.ts';

interface ConfigurationFlag {
  readonly flag: string;
  readonly argument: string;
  readonly path: string;
  readonly summary: string;
  /** The flag may be given several times. */
  readonly repeatable?: boolean;
}

// No secret is among them: the arguments of a process are visible to every user of the machine.
const flags: readonly ConfigurationFlag[] = [
  { flag: '--data-dir', argument: 'DIR', path: 'dataDir', summary: 'where the secret and the API keys are kept' },
  { flag: '--realm', argument: 'REALM', path: 'realm', summary: 'what clients are told as REALM' },
  { flag: '--public-host', argument: 'HOST', path: 'publicHost', summary: 'the name in URLs handed to apps' },
  {
    flag: '--listen-address',
    argument: 'IP',
    path: 'listen.addresses',
    summary: 'an address to listen on, or auto (repeatable)',
    repeatable: true,
  },
  { flag: '--port', argument: 'PORT', path: 'listen.port', summary: 'the port for STUN and TURN' },
  {
    flag: '--extra-port',
    argument: 'PORT',
    path: 'listen.extraPorts',
    summary: 'a further port, such as 443 (repeatable)',
    repeatable: true,
  },
  { flag: '--certificate-file', argument: 'FILE', path: 'tls.certificateFile', summary: 'the TLS certificate, in PEM' },
  { flag: '--key-file', argument: 'FILE', path: 'tls.keyFile', summary: 'the key of the TLS certificate, in PEM' },
  {
    flag: '--tls-port',
    argument: 'PORT',
    path: 'tls.port',
    summary: 'a port that is opened besides with a certificate',
  },
  {
    flag: '--trust-proxy',
    argument: 'RANGE',
    path: 'proxyProtocol.trust',
    summary: 'load balancers that send PROXY headers (repeatable)',
    repeatable: true,
  },
  { flag: '--relay-ports', argument: 'LOW-HIGH', path: 'relay.ports', summary: 'the ports of relayed addresses' },
  { flag: '--relay-ipv4', argument: 'IP', path: 'relay.ipv4.address', summary: 'auto, none or an IPv4 address' },
  { flag: '--relay-ipv6', argument: 'IP', path: 'relay.ipv6.address', summary: 'auto, none or an IPv6 address' },
  {
    flag: '--external-ipv4',
    argument: 'ADDRESS',
    path: 'relay.ipv4.external',
    summary: 'same, stun, an IPv4 address or a hostname',
  },
  {
    flag: '--external-ipv6',
    argument: 'ADDRESS',
    path: 'relay.ipv6.external',
    summary: 'same, stun, an IPv6 address or a hostname',
  },
  {
    flag: '--stun-server',
    argument: 'HOST:PORT',
    path: 'relay.external.stunServers',
    summary: 'a server to ask for the external address (repeatable)',
    repeatable: true,
  },
  {
    flag: '--allow-peer',
    argument: 'RANGE',
    path: 'relay.peers.allow',
    summary: 'a peer range that is denied by default (repeatable)',
    repeatable: true,
  },
  {
    flag: '--deny-peer',
    argument: 'RANGE',
    path: 'relay.peers.deny',
    summary: 'a peer range to deny (repeatable)',
    repeatable: true,
  },
  {
    flag: '--shared-secrets-file',
    argument: 'FILE',
    path: 'authentication.sharedSecretsFile',
    summary: 'a file with one shared secret on each line',
  },
  { flag: '--http-host', argument: 'HOST', path: 'http.host', summary: 'the address of the HTTP service' },
  { flag: '--http-port', argument: 'PORT', path: 'http.port', summary: 'the port of the HTTP service' },
  { flag: '--log-level', argument: 'LEVEL', path: 'log.level', summary: 'the least severe level that is logged' },
  { flag: '--log-format', argument: 'FORMAT', path: 'log.format', summary: 'auto, pretty or json' },
  { flag: '--shutdown-deadline', argument: 'TIME', path: 'shutdown.deadline', summary: 'how long SIGTERM waits' },
];

/** Adds `--config` and the flags that override single keys to a command. */
export function addConfigurationFlags(command: Command): Command {
  addConfigFlag(command);
  for (const { flag, argument, summary, repeatable } of flags) {
    if (repeatable) command.option(`${flag} <${argument}>`, summary, collect);
    else command.option(`${flag} <${argument}>`, summary);
  }
  return command;
}

/** Adds `--config` alone. */
export function addConfigFlag(command: Command): Command {
  return command.option('--config <FILE>', 'the configuration file (or TACITURN_CONFIG)');
}

/** The values of the flags that were given, for `loadConfiguration`. */
export function readConfigurationFlags(options: Readonly<Record<string, unknown>>): FlagValue[] {
  return flags.flatMap(({ flag, path }) => {
    const value = options[camelCase(flag)] as string | string[] | undefined;
    return value === undefined ? [] : [{ flag, path, value }];
  });
}

/** The configuration file that a flag or the environment names. */
export function configurationFile(options: { readonly config?: string }, environment: Environment): string | undefined {
  return options.config ?? (environment.TACITURN_CONFIG || undefined);
}

/** Lets an option be given several times. */
export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

/** As commander names the option: `--data-dir` → `dataDir`. */
function camelCase(flag: string): string {
  return flag.slice(2).replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
