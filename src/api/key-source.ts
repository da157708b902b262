import type { FastifyRequest } from 'fastify';

/** Where a route finds the API key of a request. */
export interface KeySource {
  /** The key as `id.secret`; `undefined` when there is none. */
  presented(request: FastifyRequest): string | undefined;
  /** What a client without a right key is told to send. */
  readonly challenge: string;
  readonly message: string;
  /** The names of the security schemes in `/openapi.json`. */
  readonly schemes: readonly string[];
}

/** The `Authorization: Bearer` header. */
export const bearer: KeySource = {
  presented: bearerKey,
  challenge: 'Bearer realm="taciturn"',
  message: 'A valid API key is needed: Authorization: Bearer <key>.',
  schemes: ['bearer'],
};

/** The key in the header or, where callers send no header, in a parameter: the handler looks there. */
export const bearerOrParameter: KeySource = { ...bearer, schemes: ['bearer', 'keyParameter'] };

/**
 * The `Authorization: Bearer` header of a route with the id of the key in its path: the header may then hold the secret alone.
 */
export const bearerOfPath: KeySource = {
  ...bearer,
  presented: (request) => {
    const { keyId } = request.params as { keyId: string };
    const token = bearerKey(request);
    if (token === undefined || !token.includes('.')) return token && `${keyId}.${token}`;
    return token.startsWith(`${keyId}.`) ? token : undefined;
  },
};

/** HTTP Basic: the id as user and the secret as password, or any user and the whole key as password. */
export const basic: KeySource = {
  presented: ({ headers }) => {
    const encoded = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(headers.authorization ?? '')?.[1];
    if (encoded === undefined) return undefined;
    const text = Buffer.from(encoded, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    if (colon < 0) return undefined;
    const password = text.slice(colon + 1);
    return password.includes('.') ? password : `${text.slice(0, colon)}.${password}`;
  },
  challenge: 'Basic realm="taciturn"',
  message: 'A valid API key is needed: its id as user and its secret as password.',
  schemes: ['basic'],
};

/** The key of an `Authorization: Bearer` header. */
export function bearerKey(request: FastifyRequest): string | undefined {
  return /^Bearer +([^\s]+) *$/i.exec(request.headers.authorization ?? '')?.[1];
}
