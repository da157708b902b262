import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import type { SecurityFinding, SecurityReport } from '../../security/report.ts';
import type { CommandContext } from '../command-context.ts';
import { renderSecurity } from './render-security.ts';

const refused: SecurityFinding = {
  subject: 'forbidden-peer',
  state: 'safe',
  detail: '10.0.0.7: refused (403)',
  facts: {},
};
const reached: SecurityFinding = {
  subject: 'forbidden-tcp-peer',
  state: 'unsafe',
  detail: '127.0.0.1: reached',
  facts: {},
  advice: { code: 'relays_to_loopback', cause: 'Why.', fix: 'What to do.' },
};
const untested: SecurityFinding = {
  subject: 'amplification',
  state: 'not-tested',
  detail: 'the server answers nothing over UDP',
  facts: {},
  advice: { code: 'not_tried', cause: 'Why not.', fix: 'How.' },
};

function rendered(findings: SecurityReport['findings']): string {
  let text = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  const context = { environment: {}, streams: { stdout } } as unknown as CommandContext;
  renderSecurity({ safe: findings.every(({ state }) => state !== 'unsafe'), findings }, context);
  return text;
}

it('shows each finding with its mark, with cause and fix where something is wrong', () => {
  expect(rendered([refused, reached, untested])).toBe(`
Security
✓ peer           10.0.0.7: refused (403)
✗ peer over TCP  127.0.0.1: reached
    cause  Why.
    fix    What to do.
- amplification  the server answers nothing over UDP
    fix    How.
The server is unsafe: see what is marked ✗. One thing could not be tested.
`);
});

it('says a cause and a fix once', () => {
  expect(rendered([reached, { ...reached, detail: '::1: reached' }])).toMatch(
    /\n {4}fix {4}What to do\.\n✗ peer over TCP {2}::1: reached\nThe server/,
  );
});

it('does not promise more than was found', () => {
  expect(rendered([refused])).toMatch(/\nNothing unsafe was found\.\n$/);
  expect(rendered([refused, untested, untested])).toMatch(
    /\nNothing unsafe was found\. 2 things could not be tested\.\n$/,
  );
});
