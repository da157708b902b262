import { systemClock } from '../client/clock.ts';
import { resolveHost } from '../client/host-resolution.ts';
import { type IceUrl, isSecure, parseIceUrl } from '../client/ice-url.ts';
import { Ladder, type LadderDependencies } from '../client/ladder.ts';
import { connectTcp } from '../client/tcp-connection.ts';
import { openUdpSocket } from '../client/udp-socket.ts';
import { type CredentialOptions, checkCredentials } from './check-credentials.ts';
import type { CommandContext, RegisterCommand } from './command-context.ts';
import { wrongUsage } from './command-failure.ts';
import { type CheckReport, renderJson, renderRung, renderVerdict } from './render-check.ts';
import { trustedCertificates } from './trusted-certificates.ts';

interface CheckOptions extends CredentialOptions {
  readonly ca?: string;
  readonly json?: boolean;
}

/** A diagnostic's exit codes; wrong usage ends with 64 as everywhere. */
const CheckExitCode = { passed: 0, failed: 2 } as const;

/** A person waits for the verdict, and a handshake over half the world takes less than a second. */
const connectTimeoutMs = 5000;

const examples = `
Examples:
  $ taciturn check turn:turn.example.org --secret-file secret
  $ taciturn check 'turn:192.0.2.1:3478?transport=udp' --username alice --password-file -
  $ TACITURN_PASSWORD=… taciturn check turn:[2001:db8::1] --username alice --json
  $ taciturn check turns:turn.example.org --secret-file secret
  $ taciturn check 'turn:turn.example.org?transport=tcp' --secret-file secret
  $ taciturn check stun:stun.example.org

The password may also be in TACITURN_PASSWORD, the shared secret in TACITURN_SECRET. With a secret, a credential
that is good for ten minutes is made, for the user of --username if that is given.

Exit status: 0 every step passed, 2 one failed, 64 wrong usage.`;

/** `taciturn check` */
export const register: RegisterCommand = (parent, context) => {
  parent
    .command('check')
    .description('Use a TURN server step by step, up to an echo through the relay: what fails, why, and what to do')
    .argument('<URL>', 'turn:HOST[:PORT][?transport=tcp], turns:HOST[:PORT], or stun: and stuns: alike')
    .option('--username <NAME>', 'the user of a password, or whom a credential from a secret is for')
    .option('--password-file <FILE>', 'read the password from a file, or from stdin with -')
    .option('--secret-file <FILE>', 'read the shared secret from a file, or from stdin with -')
    .option('--ca <FILE>', 'trust the certificates in this file, and not the public authorities')
    .option('--json', 'one JSON document')
    .addHelpText('after', examples)
    .action(async (url: string, options: CheckOptions) => {
      const report = await run(url, options, context);
      if (options.json === true) renderJson(report, context);
      else renderVerdict(report, context);
      context.complete(report.passed ? CheckExitCode.passed : CheckExitCode.failed);
    });
};

async function run(text: string, options: CheckOptions, context: CommandContext): Promise<CheckReport> {
  const url = checkableUrl(text);
  const trusted = options.ca === undefined ? undefined : trustedCertificates(options.ca, context);
  const credentials = await checkCredentials(options, context);
  const dependencies: LadderDependencies = {
    clock: systemClock,
    unixNow: () => context.unixNow(),
    resolveHost,
    openUdp: (server) => openUdpSocket({ family: server.ip.family, connectTo: server }),
    connectTcp: (server) => connectTcp({ server, timeoutMs: connectTimeoutMs }),
    ...(trusted !== undefined && { trusted }),
    ...(options.json !== true && { onRung: (rung) => renderRung(rung, context) }),
  };
  return { url: text, ...(await new Ladder(url, credentials, dependencies).climb()) };
}

function checkableUrl(text: string): IceUrl {
  const parsed = parseIceUrl(text);
  if (!parsed.ok) throw wrongUsage(`${text} is no STUN or TURN URL: ${parsed.error.reason}.`);
  if (isSecure(parsed.value) && parsed.value.transport === 'udp') {
    throw wrongUsage(
      `${text}: turns: over UDP is DTLS, which this does not speak. Leave ?transport=udp out for TLS over TCP.`,
    );
  }
  return parsed.value;
}
