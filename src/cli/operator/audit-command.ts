import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Configuration } from '../../config/settings.ts';
import { type AuditEntry, appendAuditRecord } from '../../telemetry/audit-log.ts';
import { systemUser } from '../../telemetry/system-user.ts';
import type { CommandContext } from '../command-context.ts';

/** Writes down in the audit log what a command has done. That it cannot is said, and undoes nothing. */
export function auditCommand(
  what: Pick<AuditEntry, 'action' | 'subject' | 'details'>,
  { audit, dataDir }: Configuration,
  context: CommandContext,
): void {
  if (!audit.enabled) return;
  const file = audit.file ?? join(dataDir, 'audit.jsonl');
  try {
    appendAuditRecord(file, { ...what, by: systemUser(), via: 'command', from: hostname(), at: context.unixNow() });
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    context.streams.stderr.write(`note: it is done, but could not be written to the audit log ${file} (${why})\n`);
  }
}
