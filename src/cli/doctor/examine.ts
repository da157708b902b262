import type { LadderCredentials, LadderDependencies } from '../../client/ladder.ts';
import type { Configuration } from '../../config/settings.ts';
import {
  type CertificateDependencies,
  certificateFileFindings,
  servedCertificateFindings,
  trustedByThisMachine,
} from './certificate.ts';
import { dataDirectoryFindings } from './data-directory.ts';
import { dataPlaneFinding, type PlaneDependencies } from './data-plane.ts';
import { type AskStun, externalAddressFindings } from './external-address.ts';
import type { DoctorReport, Finding } from './finding.ts';
import type { Readiness } from './http-service.ts';
import { listenerFindings, type Probe, probeListeners } from './listeners.ts';
import { relayFindings } from './relay-loop.ts';

/** What the examination needs from outside. */
export interface DoctorDependencies
  extends Omit<LadderDependencies, 'resolveHost' | 'onRung'>,
    CertificateDependencies,
    PlaneDependencies {
  readonly askStun: AskStun;
  readonly readiness: () => Promise<Readiness>;
  /** A credential for the relay loop, or a sentence why there is none. */
  readonly credential: () => Promise<LadderCredentials | string>;
  /** Told what is being looked at. */
  readonly onStep: (what: string) => void;
}

export interface Examined {
  readonly configuration: Configuration;
  /** The configuration file, when there is one. */
  readonly file: string | undefined;
}

/** Looks at the server that runs on this machine with this configuration. */
export async function examine(
  { configuration, file }: Examined,
  dependencies: DoctorDependencies,
): Promise<DoctorReport> {
  dependencies.onStep('asking every listener');
  const probes = await probeListeners(configuration, dependencies);
  const runs = probes.some(({ failure }) => failure === undefined);
  const findings: Finding[] = [await serverFinding(runs, probes, file, dependencies)];
  if (runs) findings.push(...listenerFindings(probes, configuration));

  dependencies.onStep('asking for the data plane');
  findings.push(await dataPlaneFinding(configuration, dependencies));

  dependencies.onStep('looking at the certificate');
  findings.push(...certificateFileFindings(configuration, dependencies));
  const tls = probes.find(({ transport, failure }) => transport === 'tls' && failure === undefined);
  if (tls) findings.push(...(await servedCertificateFindings(configuration, tls.server, dependencies)));

  dependencies.onStep('asking for the external address');
  findings.push(...(await externalAddressFindings(configuration, dependencies.askStun)));

  if (runs) {
    dependencies.onStep('relaying in a loop');
    const trusted = trustedByThisMachine(configuration, dependencies);
    const loop = { ...dependencies, ...(trusted !== undefined && { trusted }) };
    findings.push(...(await relayFindings(probes, configuration, await dependencies.credential(), loop)));
  }
  findings.push(...dataDirectoryFindings(configuration, dependencies));
  const healthy = findings.every(({ level }) => level !== 'problem');
  return { healthy, configuration: file ?? null, findings };
}

/** The first finding: without a server there is not much to look at. */
async function serverFinding(
  runs: boolean,
  probes: readonly Probe[],
  file: string | undefined,
  dependencies: DoctorDependencies,
): Promise<Finding> {
  const server = { about: 'server' } as const;
  if (probes.length === 0) {
    return {
      ...server,
      level: 'not-tested',
      code: 'server_unknown',
      sentence: 'Whether the server runs was not tested: no fixed port is configured.',
      fix: 'Configure listen.port.',
    };
  }
  if (!runs) {
    return {
      ...server,
      level: 'problem',
      code: 'server_not_running',
      sentence: `The server does not run, or not with this configuration: nothing answers at ${places(probes)}. Listeners and relays were not tested.`,
      fix: `Start it: taciturn serve${file === undefined ? '' : ` --config ${file}`}`,
    };
  }
  const readiness = await dependencies.readiness();
  if (readiness === 'unreachable') {
    return {
      ...server,
      level: 'warning',
      code: 'http_unreachable',
      sentence: 'A STUN server answers, but the HTTP service of taciturn does not: another program may have the port.',
      fix: 'Look which program listens there (ss -lnup), and compare http.host and http.port with those of the running server.',
    };
  }
  if (typeof readiness === 'object') {
    return {
      ...server,
      level: 'warning',
      code: 'server_not_ready',
      sentence: `The server runs, but takes no new allocations: ${readiness.notReady}.`,
      fix: 'Wait until it has ended, or stop it where it was only told to drain, and start it again.',
    };
  }
  return { ...server, level: 'ok', code: 'server_runs', sentence: 'The server runs and takes new clients.' };
}

function places(probes: readonly Probe[]): string {
  const distinct = [...new Set(probes.map(({ server }) => `${server.ip.text} port ${server.port}`))];
  const shown = distinct.slice(0, 3).join(', ');
  return distinct.length > 3 ? `${shown} and ${distinct.length - 3} more` : shown;
}
