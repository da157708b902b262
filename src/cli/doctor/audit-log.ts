import { dirname, join } from 'node:path';
import type { Configuration } from '../../config/settings.ts';
import { counted } from '../operator/amounts.ts';
import { type Finding, findingsAbout } from './finding.ts';
import type { HttpService } from './http-service.ts';

const finding = findingsAbout('audit-log');

export interface AuditDependencies {
  /** Why a file or directory cannot be written, as the system names it (`EACCES`); `undefined` when it can be. */
  readonly whyUnwritable: (path: string) => string | undefined;
}

/** Whether the audit log can be written, or made where there is none yet. */
export function auditLogFindings(
  { audit, dataDir }: Configuration,
  service: HttpService,
  dependencies: AuditDependencies,
): Finding[] {
  if (!audit.enabled) {
    return [finding('ok', 'audit_off', 'No audit log is written: it is switched off (audit.enabled).')];
  }
  const file = audit.file ?? join(dataDir, 'audit.jsonl');
  const lost = service.state === 'answers' ? (service.metrics.get('taciturn_audit_lost_total') ?? 0) : 0;
  return [...writable(file, dataDir, dependencies), ...(lost > 0 ? [recordsLost(lost)] : [])];
}

function writable(file: string, dataDir: string, { whyUnwritable }: AuditDependencies): Finding[] {
  const ofFile = whyUnwritable(file);
  if (ofFile === undefined) return [finding('ok', 'audit_log', `The audit log ${file} can be written.`)];
  // Whoever may not even write the data directory is not the user of the server.
  if (whyUnwritable(dataDir) === 'EACCES') return [closed(file)];
  if (ofFile !== 'ENOENT') return [unwritable(file, ofFile)];
  const directory = dirname(file);
  const ofDirectory = whyUnwritable(directory);
  if (ofDirectory === undefined) {
    return [finding('ok', 'audit_log', `The audit log ${file} is made with the first entry.`)];
  }
  // The first start makes the data directory.
  if (ofDirectory === 'ENOENT' && directory === dataDir) return [];
  return [
    ofDirectory === 'ENOENT'
      ? finding(
          'problem',
          'audit_unwritable',
          `The audit log ${file} cannot be written: its directory does not exist.`,
          `Make the directory ${directory} for the user of the server, or correct audit.file.`,
        )
      : unwritable(directory, ofDirectory),
  ];
}

function unwritable(path: string, code: string): Finding {
  return finding(
    'problem',
    'audit_unwritable',
    `The audit log cannot be written: ${path} is closed to this user or cannot be changed (${code}).`,
    'Correct its owner and mode, or audit.file.',
  );
}

function closed(file: string): Finding {
  return finding(
    'not-tested',
    'audit_closed',
    `Whether the audit log ${file} can be written was not tested: this user may not write the data directory.`,
    'Run doctor as the user that runs the server; if this is that user, correct the owner and the mode of the data directory.',
  );
}

function recordsLost(count: number): Finding {
  return finding(
    'warning',
    'audit_lost',
    `The running server has lost ${counted(count, 'audit record')} since its start, because the audit log could not be written.`,
    'Its log says why (event audit-log-failed).',
  );
}
