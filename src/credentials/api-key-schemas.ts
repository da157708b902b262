import { Type } from 'typebox';
import { apiScopes } from './api-keys.ts';

/** 9 PB: beyond it numbers are no longer exact. */
const maxBytes = Number.MAX_SAFE_INTEGER;

/** What a key may use; what is left out is not limited, or as the configuration has it. */
export const KeyLimits = Type.Object(
  {
    maxTtlSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 31_622_400,
        description: 'The longest TTL, in place of credentials.ttl.max.',
      }),
    ),
    requestsPerSecond: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Requests each second, and as many at once.' }),
    ),
    origins: Type.Optional(
      Type.Array(Type.String({ pattern: '^https?://[^\\s/?#@]+$', maxLength: 256 }), {
        maxItems: 64,
        description: 'Browser pages that may use the key, such as https://app.example.org; each exactly so.',
      }),
    ),
    userPrefix: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9._~-]{1,32}$',
        description: 'Put before each user, so that keys of different tenants never meet in one quota.',
      }),
    ),
    bytesPerDay: Type.Optional(
      Type.Integer({ minimum: 1, maximum: maxBytes, description: 'Relayed payload bytes on one day (UTC).' }),
    ),
    bytesPerMonth: Type.Optional(
      Type.Integer({ minimum: 1, maximum: maxBytes, description: 'The same in one month.' }),
    ),
    endOverBudget: Type.Optional(
      Type.Boolean({ description: 'End running allocations too when a budget of bytes is used up.' }),
    ),
    allocations: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Allocations at once.' })),
  },
  { additionalProperties: false },
);

/** A key as it is stored: without its secret. */
export const StoredApiKey = Type.Object({
  id: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }),
  name: Type.String(),
  /** Hex. The secret is random, so a fast hash without salt cannot be guessed back. */
  secretSha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  scopes: Type.Array(Type.Enum([...apiScopes])),
  limits: Type.Optional(KeyLimits),
  /** Unix seconds. */
  createdAt: Type.Integer(),
});
