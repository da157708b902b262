import { writeFileSync } from 'node:fs';
import { Option } from 'commander';
import { systemClock } from '../client/clock.ts';
import { resolveHost } from '../client/host-resolution.ts';
import { resolveServer } from '../client/server-resolution.ts';
import { systemDns } from '../client/system-dns.ts';
import { connectTcp } from '../client/tcp-connection.ts';
import type { TurnAllocation } from '../client/turn-allocation.ts';
import { openUdpSocket } from '../client/udp-socket.ts';
import { rungsOf } from '../ladder/rung.ts';
import { measureQuality, type QualityProgress } from '../quality/measure.ts';
import type { QualityReport } from '../quality/report.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import { junitXml } from './check/junit.ts';
import { type CheckFlags, checkPlan, type QualityPlan } from './check/plan.ts';
import { renderJson, renderReport, renderRung, renderSummary, renderTarget } from './check/render.ts';
import { progressLine } from './check/render-quality.ts';
import type { CheckReport } from './check/report.ts';
import { type CheckDependencies, type CheckObserver, type CheckTarget, runCheck } from './check/run-check.ts';
import { chosenTargets, lookAtSecurity } from './check/security-look.ts';
import { stepTitle } from './check/step-title.ts';
import { summary } from './check/summary.ts';
import { type TargetOptions, targetSource } from './check/targets.ts';
import { watchServers } from './check/watch-command.ts';
import { type CommandContext, ExitCode, type RegisterCommand } from './command-context.ts';
import { CommandFailure } from './command-failure.ts';
import { collect } from './configuration-flags.ts';
import { unlessInterrupted } from './interruption.ts';
import { StatusLine } from './status-line.ts';
import { trustedCertificates } from './trusted-certificates.ts';

interface CheckOptions extends CheckFlags, TargetOptions {
  readonly ca?: string;
}

/** A diagnostic's exit codes; wrong usage ends with 64 as everywhere. */
const CheckExitCode = { passed: 0, failed: 2 } as const;

const interrupted = 'The check was interrupted; what the server had given was given back.';

/** As much as arrives in a second of a measurement, so that what comes while this process is held up is not lost. */
const receiveBufferBytes = 2_000_000;

/** A person waits for the verdict, and a handshake over half the world takes less than a second. */
const connectTimeoutMs = 5000;

const examples = `
Examples:
  $ taciturn check turn:turn.example.org --secret-file secret
  $ taciturn check 'turn:192.0.2.1:3478?transport=udp' --username alice --password-file - --no-quality
  $ TACITURN_PASSWORD=… taciturn check 'turn:[2001:db8::1]' --username alice --json
  $ taciturn check turns:turn.example.org --secret-file secret --duration 30s --max-bitrate 20Mbps
  $ taciturn check turn:turn.example.org --secret-file secret --all
  $ taciturn check stun:stun.example.org

  $ taciturn check --credentials-url https://app.example.org/ice-servers --key-file key

  In CI:
  $ taciturn check turn:turn.example.org --secret-file secret \\
      --max-rtt 100ms --max-loss 1% --min-bitrate 2Mbps --junit turn.xml
  As a probe for Prometheus:
  $ taciturn check turn:turn.example.org --secret-file secret --watch 60s --metrics 127.0.0.1:9478
  What strangers could do with a server of yours, tried with addresses of this machine only:
  $ taciturn check turn:turn.example.org --secret-file secret --security

The password may also be in TACITURN_PASSWORD, the shared secret in TACITURN_SECRET. With a secret, a credential
that is good for ten minutes beyond the measurement is made, for the user of --username if that is given.

--ice-servers and --credentials-url take what taciturn gather takes. Of their servers those that relay are checked.

The measurement sends up to 10 Mbit/s for 10 seconds, and with --watch for 3: --max-bitrate and --duration set limits,
Ctrl-C ends it early, --no-quality leaves it out. --max-rtt is held against the median. With --all, a way on which no
TURN server is found is no failure; thresholds are held against the URL that is given.

Exit status: 0 every step passed and no threshold is broken, 2 one failed, is broken, the server is unsafe, or a service
named no servers, 1 a file or port that was asked for could not be had, 64 wrong usage, 130 interrupted.`;

/** `taciturn check` */
export const register: RegisterCommand = (parent, context) => {
  parent
    .command('check')
    .description(
      'Use a TURN server step by step, up to an echo through the relay, and measure what a call over it would be like',
    )
    .argument('[URL]', 'turn:HOST[:PORT][?transport=tcp], turns:HOST[:PORT], or stun: and stuns: alike')
    .option('--username <NAME>', 'the user of a password, or whom a credential from a secret is for')
    .option('--password-file <FILE>', 'read the password from a file, or from stdin with -')
    .option('--secret-file <FILE>', 'read the shared secret from a file, or from stdin with -')
    .option('--ca <FILE>', 'trust the certificates in this file, and not the public authorities')
    .option('--ice-servers <FILE>', "check an app's servers: iceServers as JSON, from a file, or from stdin with -")
    .option('--credentials-url <URL>', 'ask a service for iceServers, and check those')
    .option('--key-file <FILE>', 'read the key for --credentials-url from a file, or from stdin with -')
    .addOption(new Option('--method <METHOD>', 'how to ask the service').choices(['GET', 'POST']).default('POST'))
    .option('--all', 'try every way that the server may offer, over UDP, TCP and TLS, and say which is best')
    .option('--no-quality', 'only take the steps, and do not measure')
    .option('--duration <TIME>', 'how long to measure (default: 10s; with --watch 3s)')
    .option('--max-bitrate <RATE>', 'send no faster than this (default: 10Mbps)')
    .option('--max-rtt <TIME>', 'fail when the median round trip is longer, such as 100ms')
    .option('--max-loss <PERCENT>', 'fail when more packets are lost, such as 1%')
    .option('--min-bitrate <RATE>', 'fail when less goes through, such as 2Mbps')
    .option('--security', 'also look whether strangers can misuse the server')
    .option(
      '--security-target <ADDRESS>',
      'an address of this host that the server must not relay to, beside those that are not public (repeatable)',
      collect,
    )
    .option('--junit <FILE>', 'write the result as JUnit XML too, for CI')
    .option('--watch <TIME>', 'check again and again, once in this time, such as 60s')
    .option('--metrics <HOST:PORT>', 'with --watch: tell Prometheus the result there, at /metrics')
    .option('--json', 'one JSON document; with --watch one in each line')
    .addHelpText('after', examples)
    .action(async (url: string | undefined, options: CheckOptions) => {
      const passed = await run(url, options, context);
      context.complete(passed ? CheckExitCode.passed : CheckExitCode.failed);
    });
};

/** Whether all that was checked passed. */
async function run(url: string | undefined, options: CheckOptions, context: CommandContext): Promise<boolean> {
  const plan = checkPlan(options, context);
  const trusted = options.ca === undefined ? undefined : trustedCertificates(options.ca, context);
  const securityTargets = plan.securityTargets && chosenTargets(plan.securityTargets);
  const targets = await targetSource(url, options, plan, context);
  const status = new StatusLine(context);
  const json = options.json === true;
  const dependencies = (signal: AbortSignal, whileMeasuring: Stage): CheckDependencies => ({
    ladder: { ...ladderDependencies(context, trusted), signal },
    ...(plan.quality && { measure: measurement(plan.quality, context, status, whileMeasuring) }),
    ...(securityTargets && {
      examine: (target, server) => lookAtSecurity(target, server, securityTargets, { trusted, signal }),
    }),
  });
  const { watch } = plan;
  if (watch) {
    const round = async (stop: AbortSignal) => {
      const reports: CheckReport[] = [];
      const needed = dependencies(stop, (work) => work(stop));
      for (const target of await targets()) {
        reports.push(await runCheck(target, plan, needed));
        if (stop.aborted) break;
      }
      return reports;
    };
    return watchServers(watch, round, context, json);
  }
  const asked = await targets();
  const severally = url === undefined;
  const reports = await unlessInterrupted(interrupted, async (interruption) => {
    const ended: CheckReport[] = [];
    const needed = dependencies(interruption.signal, (work) => interruption.during(work));
    // One after the other: a measurement would disturb that of another.
    for (const target of asked) {
      if (severally && !json) renderTarget(target.text, context);
      const observer = json ? {} : shownOn(target, context, status);
      const report = await runCheck(target, plan, needed, observer);
      status.clear();
      if (interruption.signal.aborted) break;
      if (!json) renderReport(report, context);
      ended.push(report);
    }
    return ended;
  });
  const result = severally ? summary(reports) : reports[0]!;
  if (json) renderJson(result, context);
  else if (severally) renderSummary(summary(reports), context);
  if (plan.junitFile !== undefined) writeJunit(plan.junitFile, reports);
  return result.passed;
}

/** Shows steps as they pass or fail, and what comes next meanwhile. */
function shownOn({ url }: CheckTarget, context: CommandContext, status: StatusLine): CheckObserver {
  const names = rungsOf(url);
  status.show(stepTitle(names[0]!));
  let count = 0;
  return {
    onRung: (rung) => {
      status.clear();
      renderRung(rung, context);
      count++;
      const next = rung.passed ? names[count] : undefined;
      if (next) status.show(stepTitle(next));
    },
    onWork: (what) => status.show(what),
  };
}

function ladderDependencies(context: CommandContext, trusted: string | undefined): CheckDependencies['ladder'] {
  const dns = systemDns();
  return {
    clock: systemClock,
    unixNow: () => context.unixNow(),
    resolveHost,
    resolveServer: (url) => resolveServer(url, dns),
    openUdp: openConnectedUdp,
    openPeer: openConnectedUdp,
    connectTcp: (server, timeoutMs = connectTimeoutMs) => connectTcp({ server, timeoutMs }),
    ...(trusted !== undefined && { trusted }),
  };
}

function openConnectedUdp(to: TransportAddress): ReturnType<typeof openUdpSocket> {
  return openUdpSocket({ family: to.ip.family, connectTo: to, receiveBufferBytes });
}

/** Does a part of a check that can be ended early by itself, with what was found until then. */
type Stage = <T>(work: (signal: AbortSignal) => Promise<T>) => Promise<T>;

/** Measures, with a live line. */
function measurement(
  plan: QualityPlan,
  { randomBytes }: CommandContext,
  status: StatusLine,
  whileMeasuring: Stage,
): NonNullable<CheckDependencies['measure']> {
  const onProgress = (progress: QualityProgress) => status.show(progressLine(progress));
  return async (near: TurnAllocation, far: TurnAllocation): Promise<QualityReport> => {
    try {
      return await whileMeasuring((signal) =>
        measureQuality(near, far, { ...plan, clock: systemClock, random: randomBytes, signal, onProgress }),
      );
    } finally {
      status.clear();
    }
  };
}

function writeJunit(file: string, reports: readonly CheckReport[]): void {
  try {
    writeFileSync(file, junitXml(reports));
  } catch (error) {
    throw new CommandFailure(
      ExitCode.failure,
      'cannot_write',
      `--junit ${file} could not be written (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}). Choose a file that this process may write, on a disk that has room.`,
    );
  }
}
