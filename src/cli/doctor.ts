import { readFileSync } from 'node:fs';
import { systemClock } from '../client/clock.ts';
import { resolveHost } from '../client/host-resolution.ts';
import { connectTcp } from '../client/tcp-connection.ts';
import { openUdpSocket } from '../client/udp-socket.ts';
import { loadConfiguration } from '../config/load-configuration.ts';
import type { Configuration } from '../config/settings.ts';
import { issueCredential } from '../credentials/issue.ts';
import { askStun } from '../daemon/ask-stun.ts';
import type { LadderCredentials } from '../ladder/ladder.ts';
import { choosePlane } from '../relay/choose-plane.ts';
import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { badConfiguration, CommandFailure } from './command-failure.ts';
import { addConfigurationFlags, configurationFile, readConfigurationFlags } from './configuration-flags.ts';
import { type DoctorDependencies, examine } from './doctor/examine.ts';
import type { DoctorReport } from './doctor/finding.ts';
import { askHttpService } from './doctor/http-service.ts';
import { loopUser } from './doctor/relay-loop.ts';
import { renderReport, renderReportAsJson } from './doctor/render.ts';
import { lookAtStore } from './doctor/store-look.ts';
import { thisMachine } from './doctor/this-machine.ts';
import { sharedSecret } from './shared-secret-input.ts';
import { StatusLine } from './status-line.ts';
import { trustedCertificates } from './trusted-certificates.ts';

interface DoctorOptions {
  readonly config?: string;
  readonly ca?: string;
  readonly json?: boolean;
}

/** Everything is on this machine. */
const timeoutMs = 3000;
/** Good for the loop and little more. */
const credentialSeconds = 600;

const examples = `
Examples:
  $ taciturn doctor --config /etc/taciturn/taciturn.yaml
  $ taciturn doctor --stun-server stun.example.org:3478
  $ taciturn doctor --json

It reads the configuration as serve does, so give it the same file, flags, environment and working directory, and run it
as the same user, on the same machine. What the world outside sees, it asks relay.external.stunServers; whether
firewalls let clients in, only a client outside can tell: run taciturn check there.
No API key is needed, and nothing in the store is changed. The relay loop is a session like any other, of the user
taciturn-doctor: webhooks are told of it, and an admission service is asked.
DTLS (turns: over UDP) is not offered by this server, and so not looked at.

Exit status: 0 no problem, 1 a problem, 64 wrong usage, 78 bad configuration.`;

/** `taciturn doctor` */
export const register: RegisterCommand = (parent, context) => {
  const command = parent
    .command('doctor')
    .description(
      'Examine the server on this machine: listeners, HTTP service, certificates, addresses, relays, store, files, limits',
    )
    .option('--ca <FILE>', 'trust the certificates in this file, and not the public authorities')
    .option('--json', 'one JSON document')
    .addHelpText('after', examples)
    .action(async (options: DoctorOptions) => {
      const report = await run(options, context);
      if (options.json === true) renderReportAsJson(report, context);
      else renderReport(report, context);
      context.complete(report.healthy ? ExitCode.success : ExitCode.failure);
    });
  addConfigurationFlags(command);
};

async function run(options: DoctorOptions, context: CommandContext): Promise<DoctorReport> {
  const { environment, workingDirectory } = context;
  const file = configurationFile(options, environment);
  const flags = readConfigurationFlags({ ...options });
  const loaded = loadConfiguration({ file, environment, flags, workingDirectory });
  if (!loaded.ok) throw badConfiguration(loaded.problems);
  const { configuration } = loaded;
  const trusted = options.ca === undefined ? undefined : trustedCertificates(options.ca, context);
  const status = new StatusLine(context);
  const dependencies: DoctorDependencies = {
    clock: systemClock,
    unixNow: () => context.unixNow(),
    openUdp: (server) => openUdpSocket({ family: server.ip.family, connectTo: server }),
    connectTcp: (server) => connectTcp({ server, timeoutMs }),
    ...(trusted !== undefined && { trusted }),
    readFile: (path) => readFileSync(path, 'utf8'),
    ...thisMachine,
    resolveHost,
    askStun,
    httpService: () => askHttpService(configuration, trusted),
    lookAtStore: () => lookAtStore(configuration),
    choosePlane,
    credential: () => loopCredential(configuration, context),
    onStep: (what) => status.show(what),
  };
  try {
    return await examine({ configuration, file }, dependencies);
  } finally {
    status.clear();
  }
}

/** Makes a credential as an app's server would, from the secret that the server has. */
async function loopCredential(
  configuration: Configuration,
  context: CommandContext,
): Promise<LadderCredentials | string> {
  let secret: string;
  try {
    secret = await sharedSecret(undefined, configuration, context);
  } catch (error) {
    if (error instanceof CommandFailure) return error.message;
    throw error;
  }
  const ttl = { defaultSeconds: credentialSeconds, minSeconds: credentialSeconds, maxSeconds: credentialSeconds };
  const rules = { secret, ttl, now: context.unixNow(), randomBytes: context.randomBytes };
  const issued = issueCredential({ user: loopUser }, rules);
  if (!issued.ok) return issued.message;
  const { username, password } = issued.credential;
  return { username, password, source: 'shared-secret' };
}
