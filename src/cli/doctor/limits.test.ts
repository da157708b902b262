import { describe, expect, it } from 'vitest';
import { configured } from '../../../test/cli/configured.ts';
import type { HttpService } from './http-service.ts';
import { limitFindings, type MachineLimits } from './limits.ts';

const plenty: MachineLimits = { openFiles: 524_288, receiveBufferBytes: 8_388_608, administersNetwork: false };
const off: HttpService = { state: 'off' };

function judge(machine: Partial<MachineLimits>, environment: Record<string, string> = {}, service = off) {
  const machineLimits = () => ({ ...plenty, ...machine });
  return limitFindings(configured(environment), service, { machineLimits });
}

const codes = (...given: Parameters<typeof judge>) => judge(...given).map(({ level, code }) => `${level} ${code}`);

describe('limits', () => {
  it('are fine on a machine that has room', () => {
    expect(codes({})).toEqual(['ok open_files', 'ok relay_ports', 'ok receive_buffer']);
  });

  it('have to let every allocation have its socket', () => {
    const [files] = judge({ openFiles: 1024 });
    expect(files).toMatchObject({ level: 'warning', code: 'open_files_low' });
    expect(files?.sentence).toMatch(/^A server that is started from this shell may have 1,024 .* 16,000 relays/);
    expect(judge({ openFiles: 1024 }, { TACITURN_LIMITS__ALLOCATIONS: '500' })[0]).toMatchObject({
      level: 'ok',
      sentence: expect.stringContaining('enough for 500 relays and 268 TCP clients'),
    });
    expect(judge({ openFiles: Number.POSITIVE_INFINITY })[0]).toMatchObject({ facts: { openFiles: null } });
    expect(codes({ openFiles: undefined })[0]).toBe('not-tested open_files_unknown');
  });

  it('are those of the running server where it tells them', () => {
    const metrics = new Map([['process_max_fds', 4096]]);
    const [files] = judge({}, {}, { state: 'answers', url: 'http://127.0.0.1:8080', metrics });
    expect(files?.sentence).toMatch(/^The server may have 4,096/);
  });

  it('have to leave a port for every allocation', () => {
    const [, ports] = judge({}, { TACITURN_RELAY__PORTS: '50000-50099' });
    expect(ports).toMatchObject({
      level: 'warning',
      code: 'relay_ports_few',
      fix: expect.stringContaining('set limits.allocations to 100.'),
    });
  });

  it('are about receive buffers only where the system limits them for this server', () => {
    const small = { receiveBufferBytes: 212_992 };
    const buffer = (...given: Parameters<typeof judge>) => codes(...given)[2];
    expect(buffer(small)).toBe('warning receive_buffer_small');
    expect(buffer({ ...small, administersNetwork: true })).toBe('ok receive_buffer');
    expect(buffer({ ...small, administersNetwork: true }, { TACITURN_RELAY__PLANE: 'dgram' })).toBe(
      'warning receive_buffer_small',
    );
    expect(buffer(small, { TACITURN_LISTEN__UDP: 'false' })).toBeUndefined();
    expect(buffer({ receiveBufferBytes: undefined })).toBeUndefined();
  });
});
