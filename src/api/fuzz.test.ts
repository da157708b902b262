import fc from 'fast-check';
import type { InjectOptions } from 'fastify';
import { Errors } from 'typebox/schema';
import { describe, expect, it } from 'vitest';
import { FakeDaemon, now, session, sharedSecret } from '../../test/api/fake-daemon.ts';
import { type Operation, requestsFor } from '../../test/api/openapi-requests.ts';
import { ErrorBody } from './errors.ts';

const requestsPerOperation = Number(process.env.TACITURN_FUZZ_REQUESTS ?? 200);

type Method = NonNullable<InjectOptions['method']>;
interface DescribedAnswer {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}
type DescribedOperation = Operation & {
  readonly security?: readonly object[];
  readonly responses: Readonly<Record<string, DescribedAnswer>>;
};

const seeded = new FakeDaemon();
const document = (await seeded.service.inject('/openapi.json')).json();
await seeded.service.close();

const operations = Object.entries(document.paths as Record<string, Record<string, DescribedOperation>>).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [method.toUpperCase() as Method, path, operation] as const),
);

/** A daemon with something of everything, and what may be sent to it as a key. */
function populated() {
  const daemon = new FakeDaemon();
  const keys = {
    all: daemon.key(['issue', 'revoke', 'read', 'admin']),
    tenant: daemon.key(['issue', 'revoke', 'read', 'admin'], { userPrefix: 'acme-', origins: ['https://app.example'] }),
    issuer: daemon.key(['issue'], { requestsPerSecond: 1 }),
    victim: daemon.key(['read']),
  };
  const stored = [...daemon.storedKeys.values()];
  /** Undoes what the requests before have done. */
  const restore = () => {
    for (const key of stored) {
      daemon.storedKeys.set(key.id, key);
      daemon.apiKeys.set(key);
    }
    daemon.sessions = ['a', 'b', 'c'].map((id) => session(id));
    daemon.usage = [{ day: '2026-11-23', key: keys.all.id, user: 'alice', label: '', ...counted }];
    daemon.users.clear();
    daemon.users.set('root', { name: 'root', from: 'configuration', createdAt: undefined, worksWith: ['md5'] });
    daemon.users.set('bob', { name: 'bob', from: 'store', createdAt: now, worksWith: [] });
    daemon.revoked.clear();
    daemon.revoked.add('bob');
    daemon.audited.length = daemon.answers.length = daemon.faults.length = 0;
    // All limits are as they were.
    daemon.milliseconds += 60_000;
  };
  return { daemon, keys, restore };
}
const counted = { fromClientBytes: 1, fromClientPackets: 2, toClientBytes: 3, toClientPackets: 4, allocations: 5 };

const basicOf = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('any request to', () => {
  it.each(operations)(
    '%s %s gets an answer that the description allows',
    async (method, path, operation) => {
      const { daemon, keys, restore } = populated();
      const known = {
        id: ['a', keys.victim.id],
        name: ['alice', 'bob', 'root'],
        user: ['alice'],
        username: ['1700003600:alice##x', '1700003600:alice'],
        keyId: [keys.all.id],
        key: [keys.all.key],
        api: [keys.all.key],
        service: ['turn'],
        cursor: ['a'],
      };
      const bearers = Object.values(keys).flatMap(({ key, id }) => [`Bearer ${key}`, basicOf(`${id}:${key}`)]);
      const takesBasic = operation.security?.some((scheme) => 'basic' in scheme);
      const right = takesBasic ? basicOf(`AC:${keys.all.key}`) : `Bearer ${keys.all.key}`;
      const circumstances = fc.record({
        authorization: fc.oneof(
          { weight: 9, arbitrary: fc.constant(right) },
          { weight: 3, arbitrary: fc.constantFrom(...bearers) },
          {
            weight: 1,
            arbitrary: fc.constantFrom('Bearer', 'Basic !', basicOf('x'), `Bearer ${keys.all.id}.wrong`, 'Bearer .'),
          },
        ),
        origin: fc.option(fc.constantFrom('https://app.example', 'null', 'https://evil.example'), { nil: undefined }),
        forwarded: fc.option(fc.constantFrom('192.0.2.7', 'x, y', ''), { nil: undefined }),
        storeIsDown: fc.oneof(
          { weight: 5, arbitrary: fc.constant(false) },
          { weight: 1, arbitrary: fc.constant(true) },
        ),
        revocationsAreFull: fc.boolean(),
      });
      const statuses: number[] = [];
      const property = fc.asyncProperty(requestsFor(path, operation, known), circumstances, async (request, given) => {
        restore();
        daemon.storeIsDown = given.storeIsDown;
        daemon.revocationsAreFull = given.revocationsAreFull;
        const { url, contentType, payload } = request;
        const { authorization, origin, forwarded } = given;
        const headers = Object.fromEntries(
          Object.entries({ authorization, origin, 'x-forwarded-for': forwarded, 'content-type': contentType }).filter(
            (header): header is [string, string] => header[1] !== undefined,
          ),
        );
        const response = await daemon.service.inject({
          method,
          url,
          headers,
          ...(payload !== undefined && { payload }),
        });
        statuses.push(response.statusCode);
        expect(daemon.faults).toEqual([]);
        if (response.statusCode >= 500) {
          expect(response.statusCode).toBe(503);
          expect(given.storeIsDown || given.revocationsAreFull).toBe(true);
        }
        // A path may have become that of another route, or of none.
        const pattern = daemon.answers.at(-1)?.route?.replaceAll(/:(\w+)/g, '{$1}');
        const reached = pattern === undefined ? undefined : document.paths[pattern]?.[method.toLowerCase()];
        expectDescribed(response, reached);
        expectNoSecrets(response.body + JSON.stringify(daemon.audited) + JSON.stringify(daemon.answers), daemon);
      });
      await fc.assert(property, { numRuns: requestsPerOperation });
      // Else nothing but refusals would have been looked at.
      expect(statuses.some((status) => status < 300)).toBe(true);
      await daemon.service.close();
    },
    300_000,
  );
});

interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function expectDescribed({ statusCode, headers, body }: Answer, operation: DescribedOperation | undefined): void {
  const described = operation?.responses[statusCode] ?? operation?.responses.default;
  expect(headers['cache-control']).toBe('no-store');
  if (statusCode === 204) {
    expect(body).toBe('');
    return;
  }
  const type = String(headers['content-type']).split(';')[0]!;
  const found = described === undefined ? ErrorBody : described.content?.[type]?.schema;
  const schema = found !== undefined && '$ref' in found ? ErrorBody : found;
  expect(schema, `${statusCode} ${type}`).toBeDefined();
  const value = type === 'application/json' ? JSON.parse(body) : body;
  expect(Errors(schema!, value)).toEqual([true, []]);
}

function expectNoSecrets(text: string, daemon: FakeDaemon): void {
  for (const secret of ['hunter2', sharedSecret]) expect(text).not.toContain(secret);
  for (const { secretSha256 } of daemon.storedKeys.values()) expect(text).not.toContain(secretSha256);
}
