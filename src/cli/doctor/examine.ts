import type { Configuration } from '../../config/settings.ts';
import type { LadderCredentials, LadderDependencies } from '../../ladder/ladder.ts';
import { type AuditDependencies, auditLogFindings } from './audit-log.ts';
import {
  type CertificateDependencies,
  certificateFileFindings,
  servedCertificateFindings,
  trustedByThisMachine,
} from './certificate.ts';
import { clockFinding } from './clock.ts';
import { dataDirectoryFindings, type FileDependencies } from './data-directory.ts';
import { dataPlaneFinding, type PlaneDependencies } from './data-plane.ts';
import { type AskStun, externalAddressFindings } from './external-address.ts';
import type { DoctorReport, Finding } from './finding.ts';
import type { HttpService } from './http-service.ts';
import { httpServiceFindings } from './http-service-findings.ts';
import { type LimitDependencies, limitFindings } from './limits.ts';
import { listenerFindings, probeListeners } from './listeners.ts';
import { type ReceiverDependencies, receiverFindings } from './receivers.ts';
import { relayFindings } from './relay-loop.ts';
import { serverFinding } from './server.ts';
import { type StoreDependencies, storeFindings } from './store.ts';

/** What the examination needs from outside. */
export interface DoctorDependencies
  extends Omit<LadderDependencies, 'resolveHost' | 'onRung'>,
    CertificateDependencies,
    PlaneDependencies,
    StoreDependencies,
    FileDependencies,
    AuditDependencies,
    ReceiverDependencies,
    LimitDependencies {
  readonly askStun: AskStun;
  /** What is found where the HTTP service should be. */
  readonly httpService: () => Promise<HttpService>;
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
  dependencies.onStep('asking the HTTP service');
  const service = await dependencies.httpService();
  const findings: Finding[] = [serverFinding(probes, service, file)];
  if (runs) findings.push(...listenerFindings(probes, configuration));
  findings.push(...httpServiceFindings(configuration, service, runs, dependencies));

  const plane = service.state === 'answers' ? service.plane : undefined;
  findings.push(dataPlaneFinding(configuration, plane, dependencies));

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

  dependencies.onStep('looking at the store');
  findings.push(...(await storeFindings(configuration, service, file, dependencies)));
  findings.push(...dataDirectoryFindings(configuration, dependencies));
  findings.push(...auditLogFindings(configuration, service, dependencies));

  dependencies.onStep('connecting to webhooks');
  findings.push(...(await receiverFindings(configuration, dependencies)));
  findings.push(...limitFindings(configuration, service, dependencies));
  findings.push(clockFinding(dependencies.unixNow()));
  const healthy = findings.every(({ level }) => level !== 'problem');
  return { healthy, configuration: file ?? null, findings };
}
