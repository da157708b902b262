import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import type { Usage } from '../store/store.ts';
import type { HttpServiceDependencies } from './dependencies.ts';
import { ApiError, ErrorBody } from './errors.ts';

const DEFAULT_LIMIT = 1_000;

const Day = (description: string) => Type.Optional(Type.String({ format: 'date', description }));

const UsageParameters = Type.Object(
  {
    from: Day('The first day, in UTC, such as 2026-11-01.'),
    to: Day('The last day, in UTC.'),
    user: Type.Optional(Type.String({ description: 'Only that of this user.' })),
    label: Type.Optional(Type.String({ description: 'Only that of credentials with this label.' })),
    key: Type.Optional(Type.String({ description: 'Only that of credentials issued by the API key of this id.' })),
    limit: Type.Optional(
      Type.String({
        pattern: '^([1-9]\\d{0,3}|10000)$',
        description: `How many entries at most: 1 to 10000, ${DEFAULT_LIMIT} when left out.`,
      }),
    ),
  },
  { additionalProperties: false },
);

const Traffic = Type.Object({ packets: Type.Integer(), bytes: Type.Integer() });

const UsageEntry = Type.Object({
  day: Type.String({ format: 'date' }),
  key: Type.Optional(Type.String({ description: 'The id of the API key; left out where none issued the credential.' })),
  user: Type.String(),
  label: Type.Optional(Type.String()),
  fromClient: Traffic,
  toClient: Traffic,
  allocations: Type.Integer({ description: 'How many began on this day.' }),
});

const UsageAnswer = Type.Object({
  usage: Type.Array(UsageEntry, { description: 'Ordered by day, key, user and label. Bytes are payload.' }),
  complete: Type.Boolean({ description: 'False when there is more than the limit allows.' }),
});

/** `GET /v1/usage` */
export function usageRoutes(dependencies: HttpServiceDependencies): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/v1/usage',
      {
        config: { scope: 'read' },
        schema: {
          summary: 'What was relayed on each day for each key, user and label, up to this moment',
          operationId: 'usage',
          tags: ['usage'],
          querystring: UsageParameters,
          response: { 200: UsageAnswer, 400: ErrorBody, 403: ErrorBody, 503: ErrorBody },
        },
      },
      async ({ apiKey, query: { limit: wanted, key: asked, ...query } }) => {
        const limit = wanted === undefined ? DEFAULT_LIMIT : Number(wanted);
        if (query.from !== undefined && query.to !== undefined && query.from > query.to) {
          throw new ApiError('invalid_request', 'The day from is after the day to.');
        }
        // A key with a prefix for its users belongs to a tenant, who sees what is theirs.
        const own = apiKey!.limits.userPrefix === undefined ? undefined : apiKey!.id;
        if (own !== undefined && asked !== undefined && asked !== own) {
          throw new ApiError('foreign_user', 'An API key with a prefix sees its own usage only.');
        }
        const found = await dependencies.usage({ ...query, key: own ?? asked, limit: limit + 1 });
        return { usage: found.slice(0, limit).map(present), complete: found.length <= limit };
      },
    );
  };
}

function present(usage: Usage): Static<typeof UsageEntry> {
  const { day, key, user, label, allocations } = usage;
  return {
    day,
    ...(key !== '' && { key }),
    user,
    ...(label !== '' && { label }),
    fromClient: { packets: usage.fromClientPackets, bytes: usage.fromClientBytes },
    toClient: { packets: usage.toClientPackets, bytes: usage.toClientBytes },
    allocations,
  };
}
