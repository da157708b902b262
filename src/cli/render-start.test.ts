import { describe, expect, it } from 'vitest';
import type { StartReport } from '../daemon/daemon.ts';
import type { CommandContext } from './command-context.ts';
import { renderStart } from './render-start.ts';

const report = {
  listeners: [],
  relays: { ipv4: 'off', ipv6: 'off' },
  http: undefined,
  urls: ['turn:192.0.2.1:3478?transport=udp'],
  plane: { name: 'dgram', why: 'it was asked for', workers: 0 },
  made: {},
  notices: [],
} as unknown as StartReport;

describe('the line that proves a relay', () => {
  it.each([
    ['/srv', '/srv/taciturn-data/shared-secret', 'taciturn-data/shared-secret'],
    ['/srv/app', '/srv/taciturn-data/shared-secret', '/srv/taciturn-data/shared-secret'],
    ['/', '/var/lib/taciturn/shared-secret', '/var/lib/taciturn/shared-secret'],
  ])('works where it is read, though the server was started in %s', (workingDirectory, secretFile, shown) => {
    let written = '';
    const stderr = { write: (text: string) => (written += text) };
    const context = { streams: { stderr }, environment: {}, workingDirectory, version: '0.0.0' };
    const details = { secretFile, json: false, launcher: 'taciturn' };
    renderStart(report, details, context as unknown as CommandContext);
    expect(written).toContain(` --secret-file ${shown}\n`);
  });
});
