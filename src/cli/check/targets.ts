import { type IceUrl, isStunOnly } from '../../client/ice-url.ts';
import { askedUrls, type IceServer } from '../../ice/ice-server.ts';
import { type CredentialOptions, credentialMaker } from '../check-credentials.ts';
import type { CommandContext } from '../command-context.ts';
import { CommandFailure, wrongUsage } from '../command-failure.ts';
import { givenServers } from '../gather/given-servers.ts';
import { type CheckPlan, checkableUrl, refuseWithoutRelay } from './plan.ts';
import type { CheckTarget } from './run-check.ts';
import { MOST_WAYS } from './ways.ts';

export interface TargetOptions extends CredentialOptions {
  readonly iceServers?: string;
  readonly credentialsUrl?: string;
  readonly keyFile?: string;
  readonly method: 'GET' | 'POST';
}

/**
 * Gives what is to be checked, with credentials that are good from now on.
 *
 * @throws CommandFailure when a service that is asked for them does not give any.
 */
export type TargetSource = () => Promise<readonly CheckTarget[]>;

/**
 * Finds what is to be checked, from the command line: one URL, or the servers of an app.
 *
 * @throws CommandFailure when that cannot be meant.
 */
export async function targetSource(
  url: string | undefined,
  options: TargetOptions,
  plan: CheckPlan,
  context: CommandContext,
): Promise<TargetSource> {
  const { iceServers, credentialsUrl } = options;
  const fromApp =
    iceServers !== undefined ? '--ice-servers' : credentialsUrl !== undefined ? '--credentials-url' : undefined;
  if (url !== undefined) {
    if (fromApp) throw wrongUsage(`${fromApp} says what to check: leave the URL ${url} out, or the flag.`);
    if (options.keyFile !== undefined)
      throw wrongUsage('--key-file is the key for --credentials-url, which is missing.');
    return typedUrl(url, options, plan, context);
  }
  if (fromApp === undefined) {
    throw wrongUsage(
      'Give the URL of a server, such as turn:turn.example.org, or the servers of an app with --ice-servers FILE or --credentials-url URL.',
    );
  }
  refuseOnesOwn(fromApp, options, plan);
  return serversOfApp(options, plan, context);
}

async function typedUrl(
  text: string,
  options: TargetOptions,
  plan: CheckPlan,
  context: CommandContext,
): Promise<TargetSource> {
  const url = checkableUrl(text);
  refuseWithoutRelay(text, url, plan);
  const make = await credentialMaker(options, context);
  // What is wrong with a user name is told before anything is tried.
  const fromSecret = make?.().source === 'shared-secret';
  const ttlSeconds = ttlFor(plan);
  return async () => [{ text, url, credentials: make?.(ttlSeconds), ...(fromSecret && { issueCredentials: make }) }];
}

/** As when a server fails: what an app would get does not work. */
const failedExitCode = 2;

/** What the steps of a check may take, with room for clocks that differ a little. */
const STEPS_SECONDS = 600;

/** A credential has to outlive all measurements, which come one after the other: after each, the allocation is refreshed. */
function ttlFor({ quality, all }: CheckPlan): number {
  const measuringMs = (quality?.durationMs ?? 0) * (all ? MOST_WAYS : 1);
  return STEPS_SECONDS + Math.ceil(measuringMs / 1000);
}

async function serversOfApp(options: TargetOptions, plan: CheckPlan, context: CommandContext): Promise<TargetSource> {
  const { iceServers, credentialsUrl, keyFile, method } = options;
  if (credentialsUrl === undefined) {
    const targets = relayTargets(
      await givenServers({ iceServers: iceServers!, method, ...(keyFile !== undefined && { keyFile }) }, context),
      plan,
    );
    return async () => targets;
  }
  if (iceServers !== undefined) throw wrongUsage('--ice-servers and --credentials-url exclude each other.');
  if (keyFile === '-' && plan.watch) {
    throw wrongUsage(
      '--key-file - can be read once only, and --watch needs the key each time: put it into a file, or into TACITURN_API_KEY.',
    );
  }
  return async () => {
    const asked = { credentialsUrl, method, ...(keyFile !== undefined && { keyFile }) };
    const servers = await givenServers(asked, context);
    try {
      return relayTargets(servers, plan);
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      // What a service answers is no fault of the command line.
      throw new CommandFailure(
        failedExitCode,
        'credentials_content',
        `What the service answers is no good: ${error.message}`,
      );
    }
  };
}

/** The TURN servers of an app; the STUN servers when it has no others. */
function relayTargets(servers: readonly IceServer[], plan: CheckPlan): readonly CheckTarget[] {
  const all = askedUrls(servers).map(({ text, credentials }) => ({ text, url: checkableUrl(text), credentials }));
  const relays = all.filter(({ url }) => !isStunOnly(url));
  const chosen = relays.length > 0 ? relays : all;
  const [first] = chosen;
  if (!first)
    throw wrongUsage('The list of servers is empty, so there is nothing to check: put a STUN or TURN server into it.');
  refuseWithoutRelay(first.text, first.url as IceUrl, plan);
  return chosen;
}

/** What is in the document already, or makes no sense with several servers. */
function refuseOnesOwn(flag: string, options: TargetOptions, plan: CheckPlan): void {
  const { username, passwordFile, secretFile } = options;
  const given = [
    username !== undefined && '--username',
    passwordFile !== undefined && '--password-file',
    secretFile !== undefined && '--secret-file',
  ].find((name) => name !== false);
  if (given) throw wrongUsage(`${given} is for a URL: with ${flag} each server has its own credentials.`);
  if (plan.all)
    throw wrongUsage(`--all looks for the ways to one server: ${flag} names them all, and the best of them is told.`);
}
