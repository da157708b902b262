import type { Clock } from '../../client/clock.ts';
import type { resolveHost } from '../../client/host-resolution.ts';
import { failure } from '../../client/result.ts';
import { describeTransportError } from '../../client/transport-error.ts';
import type { Configuration } from '../../config/settings.ts';
import type { ReachDependencies } from '../../ladder/reach.ts';
import type { Finding, Level } from './finding.ts';

export interface ReceiverDependencies extends Pick<ReachDependencies, 'connectTcp'> {
  readonly clock: Clock;
  readonly resolveHost: typeof resolveHost;
}

/** Whether a connection comes about; `unknown` where this machine could not find out. */
type Reach =
  | { readonly state: 'reached' | 'unreachable' | 'unknown'; readonly how: string }
  | { readonly state: 'no-address'; readonly how: string };

const resolveTimeoutMs = 3000;
/** A host with more addresses is tried at the first few. */
const mostAddresses = 3;

/** Whether the services that are told, and the one that is asked, take connections. Nothing is sent to them. */
export async function receiverFindings(
  { webhooks, admission }: Configuration,
  dependencies: ReceiverDependencies,
): Promise<Finding[]> {
  // A path may hold a token: scheme, host and port are all that is shown.
  const told = [...new Set(webhooks.urls.map((url) => new URL(url).origin))];
  const asked = admission.url === undefined ? [] : [new URL(admission.url).origin];
  const effect =
    admission.whenUnavailable === 'refuse'
      ? ({ level: 'problem', what: 'new allocations are refused' } as const)
      : ({ level: 'warning', what: 'new allocations are let in without being asked about' } as const);
  const found = await Promise.all([
    ...told.map((origin) =>
      judge(
        'webhooks',
        origin,
        { level: 'warning', what: 'messages to it wait and are dropped in the end' },
        dependencies,
      ),
    ),
    ...asked.map((origin) => judge('admission', origin, effect, dependencies)),
  ]);
  return found;
}

async function judge(
  about: 'webhooks' | 'admission',
  origin: string,
  effect: { readonly level: Level; readonly what: string },
  dependencies: ReceiverDependencies,
): Promise<Finding> {
  const { state, how } = await reach(new URL(origin), dependencies);
  const setting = about === 'webhooks' ? 'webhooks.urls' : 'admission.url';
  const facts = { receiver: origin };
  switch (state) {
    case 'reached':
      return { about, level: 'ok', code: 'receiver_reachable', sentence: `${origin} takes connections.`, facts };
    case 'unknown':
      return {
        about,
        level: 'not-tested',
        code: 'receiver_unknown',
        sentence: `Whether ${origin} can be reached was not tested: ${how}.`,
        fix: `Try it by hand: curl --head ${origin}`,
        facts,
      };
    default:
      return {
        about,
        level: effect.level,
        code: 'receiver_unreachable',
        sentence: `${origin} cannot be reached: ${how}. Until it can be, ${effect.what}.`,
        fix:
          state === 'no-address'
            ? `Correct ${setting}, or the name in DNS.`
            : `Look whether that service runs, whether ${setting} names the right port, and whether a firewall is in between.`,
        facts,
      };
  }
}

async function reach({ hostname, protocol, port }: URL, dependencies: ReceiverDependencies): Promise<Reach> {
  const host = hostname.replace(/^\[|\]$/g, '');
  const resolved = await withinLimit(dependencies.resolveHost(host), dependencies.clock);
  if (!resolved.ok) {
    const { code } = resolved.error;
    return code === 'ENOTFOUND' || code === 'ENODATA'
      ? { state: 'no-address', how: `there is no address for the name ${host} (${code})` }
      : { state: 'unknown', how: `the name ${host} could not be looked up (${code})` };
  }
  const failures: Reach[] = [];
  for (const ip of resolved.value.slice(0, mostAddresses)) {
    const server = { ip, port: Number(port || (protocol === 'https:' ? 443 : 80)) };
    const connection = await dependencies.connectTcp(server);
    if (connection.ok) {
      connection.value.close();
      return { state: 'reached', how: '' };
    }
    const { kind } = connection.error;
    failures.push({
      state: kind === 'other' ? 'unknown' : 'unreachable',
      how: describeTransportError(connection.error),
    });
  }
  return failures.find(({ state }) => state === 'unreachable') ?? failures[0]!;
}

function withinLimit(resolving: ReturnType<typeof resolveHost>, clock: Clock): ReturnType<typeof resolveHost> {
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(resolveTimeoutMs, () => resolve(failure({ code: 'ETIMEDOUT' })));
    resolving.then(resolve, reject).finally(() => timer.cancel());
  });
}
