import { success } from '../../client/result.ts';
import type { Configuration } from '../../config/settings.ts';
import { Ladder, type LadderCredentials, type LadderDependencies } from '../../ladder/ladder.ts';
import type { LadderReport } from '../../ladder/rung.ts';
import { formatTransportAddress } from '../../stun/ip-address.ts';
import type { Finding } from './finding.ts';
import type { Probe } from './listeners.ts';

/** Whose session the loop is. */
export const loopUser = 'taciturn-doctor';

/** Relays packets in a loop through the server, once over each transport that answers. */
export async function relayFindings(
  probes: readonly Probe[],
  configuration: Configuration,
  credentials: LadderCredentials | string,
  dependencies: Omit<LadderDependencies, 'resolveHost' | 'onRung'>,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const transport of ['udp', 'tcp', 'tls'] as const) {
    const answering = probes.filter((probe) => probe.transport === transport && probe.failure === undefined);
    const probe = answering.find(({ main }) => main) ?? answering[0];
    if (!probe) continue;
    if (typeof credentials === 'string') return [noCredential(credentials)];
    const { server } = probe;
    // The name is what the certificate is for; it is this machine that is asked, wherever the name leads.
    const host = (transport === 'tls' && configuration.publicHost) || server.ip.text;
    const url = {
      scheme: transport === 'tls' ? 'turns' : 'turn',
      host,
      port: server.port,
      transport: transport === 'udp' ? 'udp' : 'tcp',
    } as const;
    const resolveHost = async () => success([server.ip]);
    const report = await new Ladder(url, credentials, { ...dependencies, resolveHost }).climb();
    const isAsked = configuration.admission.url !== undefined;
    findings.push(judge(transport.toUpperCase(), formatTransportAddress(server), report, isAsked));
  }
  return findings;
}

/** @param isAsked whether an admission service decides about new allocations. */
function judge(transport: string, place: string, { passed, rungs }: LadderReport, isAsked: boolean): Finding {
  const last = rungs.at(-1)!;
  const echo = rungs.find(({ name }) => name === 'echo');
  if (passed && echo) {
    const lost = echo.warnings[0];
    return {
      about: 'relay',
      level: lost ? 'warning' : 'ok',
      code: lost?.code ?? 'relay_works',
      sentence: `A relay loop over ${transport} at ${place} works: ${echo.detail}.`,
      ...(lost && { fix: lost.fix }),
      facts: echo.facts,
    };
  }
  const { code, cause, fix } = last.problem!;
  if (last.name === 'tls') {
    return {
      about: 'relay',
      level: 'not-tested',
      code: 'relay_untested',
      sentence: `A relay loop over ${transport} at ${place} was not tested, because of the certificate: ${cause}`,
      fix: 'Mend the certificate first; if it is from an authority of your own, give that with --ca FILE.',
    };
  }
  if (isAsked && code === 'forbidden') {
    return {
      about: 'relay',
      level: 'not-tested',
      code: 'relay_untested',
      sentence: `A relay loop over ${transport} at ${place} was not tested: the admission service does not allow it (403), or cannot be asked.`,
      fix: `Let the admission service allow the user ${loopUser}.`,
    };
  }
  return {
    about: 'relay',
    level: 'problem',
    code,
    sentence: `A relay loop over ${transport} at ${place} fails at the step "${last.name}" (${last.detail}). ${cause}`,
    fix,
  };
}

function noCredential(why: string): Finding {
  return {
    about: 'relay',
    level: 'not-tested',
    code: 'relay_untested',
    sentence: `A relay loop was not tested, because there is no credential for it. ${why}`,
    fix: 'Run doctor as the user that runs the server, with the same configuration.',
  };
}
