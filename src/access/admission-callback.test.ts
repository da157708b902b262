import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../test/client/virtual-clock.ts';
import { VirtualService } from '../../test/client/virtual-service.ts';
import type { AdmissionCandidate } from '../turn/admission.ts';
import { unixSeconds } from '../turn/time.ts';
import { signatureOf } from '../webhooks/signed-post.ts';
import { AdmissionCallback, type AdmissionCallbackOptions } from './admission-callback.ts';

const secret = 'a secret of the callback';
const now = unixSeconds(1_800_000_000);

function setUp(options: Partial<AdmissionCallbackOptions> = {}) {
  const clock = new VirtualClock();
  const service = new VirtualService(clock);
  const warnings: object[] = [];
  const callback = new AdmissionCallback(
    {
      url: 'https://example.org/may?token=1',
      secret,
      timeoutMs: 2000,
      cacheSeconds: 10,
      whenUnavailable: 'refuse',
      ...options,
    },
    { clock, unixNow: () => now, fetch: service.fetch, log: { warn: (facts) => warnings.push(facts) } },
  );
  const counts = () => Object.fromEntries(Object.entries(callback.counts).filter(([, count]) => count > 0));
  return { clock, service, callback, warnings, counts };
}

const allow = (yes: boolean) => ({ status: 200, body: JSON.stringify({ allow: yes }) });

function candidate(about: Partial<AdmissionCandidate> = {}): AdmissionCandidate {
  return {
    id: 'a1',
    user: 'alice',
    label: 'room-7',
    issuer: 'key1',
    username: '1800000600:alice#room-7#key1',
    client: '198.51.100.7:4000',
    transport: 'udp',
    ...about,
  };
}

describe('the admission callback', () => {
  it.each([true, false])('decides as the service says: %s', async (yes) => {
    const { clock, service, callback, counts } = setUp({ whenUnavailable: yes ? 'refuse' : 'allow' });
    service.answer = () => allow(yes);
    expect(await clock.until(callback.ask(candidate()))).toBe(yes);
    const [request] = service.arrived;
    expect(request!.json).toEqual(candidate());
    expect(request!.headers.get('taciturn-signature')).toBe(signatureOf(secret, now, request!.body));
    expect(counts()).toEqual({ [yes ? 'allowed' : 'refused']: 1 });
    expect(clock.armed).toBe(0);
  });

  it('tells the service nothing but what the question is about', async () => {
    const { clock, service, callback } = setUp();
    service.answer = () => allow(true);
    await clock.until(callback.ask({ ...candidate({ label: undefined }), password: 'secret' } as AdmissionCandidate));
    const { label, ...others } = candidate();
    expect(service.arrived[0]!.json).toEqual(others);
  });

  describe.each(['allow', 'refuse'] as const)(
    'when the service is unavailable and that is to %s',
    (whenUnavailable) => {
      it.each([
        ['no answer', 'never', 'no answer within 2000 ms'],
        ['no connection', {}, 'ECONNREFUSED'],
        ['an error', { status: 500, body: '{"allow":true}' }, 'status 500'],
        ['another success', { status: 204 }, 'status 204'],
        ['a redirect', { status: 302 }, 'status 302'],
        ['an empty answer', { status: 200 }, 'its answer is no JSON'],
        ['an answer that is no JSON', { status: 200, body: 'yes' }, 'its answer is no JSON'],
        ['null', { status: 200, body: 'null' }, 'its answer has no "allow": true or false'],
        [
          'text in place of true',
          { status: 200, body: '{"allow":"true"}' },
          'its answer has no "allow": true or false',
        ],
        [
          'an answer that is too long',
          { status: 200, body: `{"allow":true${' '.repeat(5000)}}` },
          'its answer is no JSON',
        ],
      ] as const)('decides so for %s', async (_, answer, why) => {
        const { clock, service, callback, warnings, counts } = setUp({ whenUnavailable });
        service.answer = () => answer;
        expect(await clock.until(callback.ask(candidate()))).toBe(whenUnavailable === 'allow');
        expect(counts()).toEqual({ unavailable: 1 });
        expect(warnings).toMatchObject([{ service: 'https://example.org', why, allow: whenUnavailable === 'allow' }]);
        expect(JSON.stringify(warnings)).not.toContain('token');
        expect(clock.now()).toBeLessThanOrEqual(2000);
      });
    },
  );

  it('asks anew after the service was unavailable', async () => {
    const { clock, service, callback } = setUp();
    service.answer = () => ({});
    expect(await clock.until(callback.ask(candidate()))).toBe(false);
    service.answer = () => allow(true);
    expect(await clock.until(callback.ask(candidate()))).toBe(true);
  });

  it('remembers an answer for a while, for the same user, label and key', async () => {
    const { clock, service, callback, counts } = setUp();
    service.answer = () => allow(service.arrived.length === 1);
    expect(await clock.until(callback.ask(candidate()))).toBe(true);
    await clock.advance(9999);
    expect(await callback.ask(candidate({ id: 'a2', client: '198.51.100.8:4000' }))).toBe(true);
    expect(counts()).toEqual({ allowed: 1, remembered: 1 });
    await clock.advance(1);
    expect(await clock.until(callback.ask(candidate({ id: 'a3' })))).toBe(false);
  });

  it.each([
    ['user', { user: 'bob' }],
    ['label', { label: 'room-8' }],
    ['no label', { label: undefined }],
    ['key', { issuer: 'key2' }],
    ['no key', { issuer: undefined }],
    ['user whose name could be taken for user and label', { user: 'alice","room-7', label: undefined }],
  ])('does not take the answer for one user, label and key as one for another %s', async (_, other) => {
    const { clock, service, callback } = setUp();
    service.answer = () => allow(service.arrived.length === 1);
    await clock.until(callback.ask(candidate()));
    expect(await clock.until(callback.ask(candidate(other)))).toBe(false);
  });

  it('asks once for questions that come together', async () => {
    const { clock, service, callback, counts } = setUp();
    service.answer = () => ({ ...allow(true), afterMs: 100 });
    const answers = Promise.all([callback.ask(candidate()), callback.ask(candidate({ id: 'a2' }))]);
    expect(await clock.until(answers)).toEqual([true, true]);
    expect(service.arrived).toHaveLength(1);
    expect(counts()).toEqual({ allowed: 1 });
  });

  it('asks about every allocation when nothing is to be remembered', async () => {
    const { clock, service, callback } = setUp({ cacheSeconds: 0 });
    service.answer = ({ json }) => ({ ...allow(json.id === 'a1'), afterMs: 100 });
    const answers = Promise.all([callback.ask(candidate()), callback.ask(candidate({ id: 'a2' }))]);
    expect(await clock.until(answers)).toEqual([true, false]);
  });

  it('does not pile up requests at a service that is slow', async () => {
    const { clock, service, callback, counts, warnings } = setUp();
    service.answer = () => 'never';
    const answers = Array.from({ length: 100 }, (_, i) => callback.ask(candidate({ user: `user${i}` })));
    expect(await Promise.all(answers.slice(64))).toEqual(Array(36).fill(false));
    expect(service.open).toBe(64);
    await clock.until(Promise.all(answers));
    expect(counts()).toEqual({ 'too-many': 36, unavailable: 64 });
    expect(warnings).toHaveLength(5);
    service.answer = () => allow(true);
    expect(await clock.until(callback.ask(candidate()))).toBe(true);
  });

  it('forgets the answer that was used longest ago when there are too many', async () => {
    const { clock, service, callback } = setUp({ cacheSeconds: 3600 });
    service.answer = () => allow(true);
    const ask = (i: number) => clock.until(callback.ask(candidate({ user: `user${i}` })));
    const batch = (from: number, to: number) =>
      clock.until(
        Promise.all(Array.from({ length: to - from }, (_, i) => callback.ask(candidate({ user: `user${from + i}` })))),
      );
    for (let i = 0; i < 10_000; i += 50) await batch(i, i + 50);
    await ask(0);
    expect(service.arrived).toHaveLength(10_000);
    await ask(10_000);
    await ask(0);
    expect(service.arrived).toHaveLength(10_001);
    await ask(1);
    expect(service.arrived).toHaveLength(10_002);
  });

  it('forgets all answers when it is told to', async () => {
    const { clock, service, callback } = setUp();
    service.answer = () => allow(service.arrived.length === 1);
    await clock.until(callback.ask(candidate()));
    callback.forget();
    expect(await clock.until(callback.ask(candidate()))).toBe(false);
  });

  it('decides what is being asked when it is closed', async () => {
    const { clock, service, callback } = setUp({ whenUnavailable: 'allow' });
    service.answer = () => 'never';
    const answer = callback.ask(candidate());
    callback.close();
    expect(await answer).toBe(true);
    expect(await callback.ask(candidate({ user: 'bob' }))).toBe(true);
    expect([service.open, clock.armed]).toEqual([0, 0]);
  });
});
