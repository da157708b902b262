import { describe, expect, it } from 'vitest';
import { terminal } from '../../../test/check/terminal.ts';
import { expiryOf } from '../../ladder/credentials.ts';
import { checkPlan } from './plan.ts';
import { targetSource } from './targets.ts';

const now = 1_800_000_000;

/** For how many seconds the credential of a check is good that is made from a secret. */
async function ttlOf(flags: { readonly duration?: string; readonly all?: boolean; readonly quality?: boolean }) {
  const { context } = terminal({ environment: { TACITURN_SECRET: 'a secret' } });
  const plan = checkPlan({ quality: true, ...flags }, context);
  const [target] = await (await targetSource('turn:192.0.2.1', { method: 'POST' }, plan, context))();
  return expiryOf(target!.credentials!.username)! - now;
}

describe('a credential made for a check', () => {
  it('is good for ten minutes when nothing is measured', async () => {
    expect(await ttlOf({ quality: false })).toBe(600);
  });

  it('outlives the measurement, since the allocation is refreshed after it', async () => {
    expect(await ttlOf({ duration: '10m' })).toBe(1200);
  });

  it('outlives the measurements of all ways', async () => {
    expect(await ttlOf({ duration: '10m', all: true })).toBeGreaterThanOrEqual(600 + 7 * 600);
  });
});
