import { Option } from 'commander';
import { parseDurationMilliseconds } from '../config/quantity.ts';
import type { GatherOptions } from '../ice/gather.ts';
import { AddressFamily } from '../stun/protocol.ts';
import type { CommandContext, RegisterCommand } from './command-context.ts';
import { wrongUsage } from './command-failure.ts';
import { collect } from './configuration-flags.ts';
import { givenServers, type ServerOptions } from './gather/given-servers.ts';
import { GatherPage, renderGatherJson, renderSdp } from './gather/render.ts';
import { gatherVerdict } from './gather/verdict.ts';
import { unlessInterrupted } from './interruption.ts';
import { StatusLine } from './status-line.ts';
import { trustedCertificates } from './trusted-certificates.ts';

interface GatherFlags extends ServerOptions {
  readonly ca?: string;
  readonly policy: 'all' | 'relay';
  readonly family?: '4' | '6';
  readonly loopback?: boolean;
  readonly mdns?: boolean;
  readonly timeout: string;
  readonly sdp?: boolean;
  readonly json?: boolean;
}

const mostTimeoutMs = 60_000;

const interrupted = 'Gathering was interrupted; the relays that servers had given were given back.';

const examples = `
Examples:
  $ taciturn gather --ice-server stun:stun.example.org --ice-server turn:turn.example.org --secret-file secret
  $ taciturn gather --ice-servers servers.json
  $ taciturn gather --credentials-url https://app.example.org/v1/credentials --key-file key
  $ curl -s https://app.example.org/turn | taciturn gather --ice-servers - --policy relay
  $ taciturn gather --ice-servers servers.json --sdp

A document may be what an app passes to RTCPeerConnection, its iceServers alone, or what Cloudflare, Twilio, Metered, Xirsys
and services of the TURN REST draft answer. --username, --password-file and --secret-file are for --ice-server; the password
may also be in TACITURN_PASSWORD, the secret in TACITURN_SECRET, the key of --credentials-url in TACITURN_API_KEY.

Temporary and deprecated IPv6 addresses cannot be told apart here: all are shown, where a browser shows one for each network.

Exit status: 0 every server answered, 2 one failed, 3 none was given, 64 wrong usage, 130 interrupted.`;

/** `taciturn gather` */
export const register: RegisterCommand = (parent, context) => {
  parent
    .command('gather')
    .description('Gather ICE candidates as a browser does, and say why a server gives none')
    .option('--ice-server <URL...>', 'stun:, stuns:, turn: or turns: URLs (repeatable)', collect)
    .option('--ice-servers <FILE>', 'read iceServers as JSON from a file, or from stdin with -')
    .option('--credentials-url <URL>', 'ask a service for iceServers')
    .option('--key-file <FILE>', 'read the key for --credentials-url from a file, or from stdin with -')
    .addOption(new Option('--method <METHOD>', 'how to ask the service').choices(['GET', 'POST']).default('POST'))
    .option('--username <NAME>', 'the user of a password, or whom a credential from a secret is for')
    .option('--password-file <FILE>', 'read the password from a file, or from stdin with -')
    .option('--secret-file <FILE>', 'read the shared secret from a file, or from stdin with -')
    .option('--ca <FILE>', 'trust the certificates in this file, and not the public authorities')
    .addOption(
      new Option('--policy <POLICY>', 'all candidates, or relayed ones only').choices(['all', 'relay']).default('all'),
    )
    .addOption(new Option('--family <FAMILY>', 'IPv4 or IPv6 only').choices(['4', '6']))
    .option('--loopback', 'gather from loopback addresses too')
    .option('--mdns', 'show mDNS names in place of the addresses of this machine, as browsers do')
    .option('--timeout <TIME>', 'how long each server may take', '5s')
    .option('--sdp', 'print a=candidate lines and nothing else')
    .option('--json', 'one JSON document')
    .addHelpText('after', examples)
    .action((flags: GatherFlags) => run(flags, context));
};

async function run(flags: GatherFlags, context: CommandContext): Promise<void> {
  if (flags.sdp === true && flags.json === true) throw wrongUsage('--sdp and --json exclude each other.');
  const options = gatherOptions(flags, context);
  const status = new StatusLine(context);
  if (flags.credentialsUrl !== undefined) status.show('asking the service for ICE servers');
  try {
    const servers = await givenServers(flags, context);
    const { gather } = await import('../ice/gather.ts');
    const { systemGathering } = await import('./gather/system-gathering.ts');
    status.show('gathering candidates');
    const shown = output(flags, context, status);
    const dependencies = systemGathering(() => context.unixNow());
    const report = await unlessInterrupted(interrupted, ({ signal }) =>
      gather({ ...options, servers, signal, ...shown }, dependencies),
    );
    status.clear();
    const verdict = gatherVerdict(report);
    shown.onEnd(report, verdict);
    context.complete(verdict.exitCode);
  } finally {
    status.clear();
  }
}

type Output = Pick<GatherOptions, 'onCandidate' | 'onError'> & {
  readonly onEnd: (...end: Parameters<GatherPage['summary']>) => void;
};

function output({ sdp, json, mdns }: GatherFlags, context: CommandContext, status: StatusLine): Output {
  if (json === true) return { onEnd: (report, verdict) => renderGatherJson(report, verdict, context) };
  if (sdp === true) return { onCandidate: (candidate) => renderSdp(candidate, context), onEnd: () => {} };
  const page = new GatherPage(context, mdns === true);
  const between = (show: () => void) => {
    status.clear();
    show();
    status.show('gathering candidates');
  };
  return {
    onCandidate: (candidate) => between(() => page.candidate(candidate)),
    onError: (error) => between(() => page.error(error)),
    onEnd: (report, verdict) => page.summary(report, verdict),
  };
}

function gatherOptions(flags: GatherFlags, context: CommandContext): Omit<GatherOptions, 'servers'> {
  const { policy, family, loopback, mdns, timeout, ca } = flags;
  const timeoutMs = parseDurationMilliseconds(timeout);
  if (timeoutMs === undefined || timeoutMs < 100 || timeoutMs > mostTimeoutMs) {
    throw wrongUsage(`--timeout takes a time from 100ms to ${mostTimeoutMs / 1000}s, not ${timeout}.`);
  }
  const trusted = ca === undefined ? undefined : trustedCertificates(ca, context);
  return {
    policy,
    families: families[family ?? 'both'],
    loopback: loopback === true,
    mdns: mdns === true,
    timeoutMs,
    ...(trusted !== undefined && { trusted }),
  };
}

const families = {
  both: [AddressFamily.ipv4, AddressFamily.ipv6],
  '4': [AddressFamily.ipv4],
  '6': [AddressFamily.ipv6],
} as const;
