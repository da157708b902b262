import { describe, expect, it } from 'vitest';
import { configured } from '../../../test/cli/configured.ts';
import { auditLogFindings } from './audit-log.ts';
import type { HttpService } from './http-service.ts';

const off: HttpService = { state: 'off' };

/** @param unwritable what cannot be written, and why. */
function judge(unwritable: Record<string, string>, environment: Record<string, string> = {}, service = off) {
  const configuration = configured({ TACITURN_DATA_DIR: '/data', ...environment });
  const found = auditLogFindings(configuration, service, { whyUnwritable: (path) => unwritable[path] });
  return found.map(({ level, code, sentence }) => `${level} ${code}: ${sentence}`);
}

describe('the audit log', () => {
  it('is fine when it can be written, or made', () => {
    expect(judge({})).toEqual(['ok audit_log: The audit log /data/audit.jsonl can be written.']);
    expect(judge({ '/data/audit.jsonl': 'ENOENT' })).toEqual([expect.stringMatching(/^ok audit_log: .* is made/)]);
  });

  it('is not there yet before the first start', () => {
    expect(judge({ '/data/audit.jsonl': 'ENOENT', '/data': 'ENOENT' })).toEqual([]);
  });

  it.each([
    [{ '/log/audit': 'EACCES' }, /\/log\/audit is closed .*EACCES/],
    [{ '/log/audit': 'ENOENT', '/log': 'EROFS' }, /\/log is closed .*EROFS/],
    [{ '/log/audit': 'ENOENT', '/log': 'ENOENT' }, /its directory does not exist/],
  ])('is a problem when it cannot: %j', (unwritable, reason) => {
    const [finding] = judge(unwritable as unknown as Record<string, string>, { TACITURN_AUDIT__FILE: '/log/audit' });
    expect(finding).toMatch(/^problem audit_unwritable: /);
    expect(finding).toMatch(reason);
  });

  it('is not judged by a user who is not that of the server', () => {
    expect(judge({ '/data/audit.jsonl': 'EACCES', '/data': 'EACCES' })).toEqual([
      expect.stringMatching(/^not-tested audit_closed/),
    ]);
  });

  it('may be switched off', () => {
    expect(judge({ '/data/audit.jsonl': 'EACCES' }, { TACITURN_AUDIT__ENABLED: 'false' })).toEqual([
      expect.stringMatching(/^ok audit_off/),
    ]);
  });

  it('may have lost records', () => {
    const metrics = new Map([['taciturn_audit_lost_total', 3]]);
    const found = judge({}, {}, { state: 'answers', url: 'http://127.0.0.1:8080', metrics });
    expect(found).toContainEqual(expect.stringMatching(/^warning audit_lost: .* 3 audit records/));
  });
});
