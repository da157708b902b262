import { type Static, type TSchema, Type } from 'typebox';
import { StoreError } from '../store/store.ts';

/** Every error code of the HTTP service with its status. Apps rely on them: add, never rename. */
export const errorStatus = {
  invalid_request: 400,
  malformed_json: 400,
  invalid_user: 400,
  invalid_label: 400,
  invalid_ttl: 400,
  unsupported_service: 400,
  weak_password: 400,
  unauthorized: 401,
  insufficient_scope: 403,
  origin_not_allowed: 403,
  foreign_user: 403,
  user_revoked: 403,
  budget_used_up: 403,
  not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  user_configured: 409,
  body_too_large: 413,
  uri_too_long: 414,
  unsupported_media_type: 415,
  reload_refused: 422,
  too_many_failures: 429,
  rate_limited: 429,
  headers_too_large: 431,
  internal: 500,
  not_ready: 503,
  store_unavailable: 503,
  revocations_full: 503,
} as const;
export type ErrorCode = keyof typeof errorStatus;

/** The body of every error. */
export const ErrorBody = Type.Object(
  {
    error: Type.Object({
      code: Type.String(),
      message: Type.String(),
      problems: Type.Optional(
        Type.Array(Type.String(), { description: 'Only when a reload is refused: what is wrong, one by one.' }),
      ),
    }),
  },
  { description: 'An error, with a code that does not change and a message for people.' },
);

/** The body of an error. */
export function errorBody(code: ErrorCode, message: string, problems?: readonly string[]): Static<typeof ErrorBody> {
  return { error: { code, message, ...(problems && { problems: [...problems] }) } };
}

/** An answer that is an error. Routes throw it; the error handler writes it. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ErrorCode;
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly problems: readonly string[] | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    problems?: readonly string[],
  ) {
    super(message);
    this.code = code;
    this.statusCode = errorStatus[code];
    this.headers = headers;
    this.problems = problems;
  }
}

/** How errors are written. Routes that behave as somebody else's service does write them as that one does. */
export interface ErrorShape {
  readonly schema: TSchema;
  body(error: ApiError): unknown;
}

/** The shape of the errors of all other routes. */
export const ownErrorShape: ErrorShape = {
  schema: ErrorBody,
  body: ({ code, message, problems }) => errorBody(code, message, problems),
};

const frameworkCodes = new Map<string, readonly [ErrorCode, string]>([
  ['FST_ERR_CTP_BODY_TOO_LARGE', ['body_too_large', 'The body must not have more than 4096 bytes.']],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', ['unsupported_media_type', 'This route does not take a body of that media type.']],
  ['FST_ERR_CTP_EMPTY_JSON_BODY', ['malformed_json', 'The body is empty, although it is said to be JSON.']],
  ['FST_ERR_CTP_INVALID_JSON_BODY', ['malformed_json', 'The body is no valid JSON.']],
  ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', ['invalid_request', 'The body is not as long as Content-Length says.']],
  ['FST_ERR_BAD_URL', ['invalid_request', 'The path is no valid URL path.']],
  ['FST_ERR_MAX_PARAM_LENGTH', ['uri_too_long', 'A part of the path is too long.']],
]);

/**
 * Turns whatever went wrong into one of our errors. Messages of the framework and of our own bugs stay inside: they may
 * hold parts of the request.
 */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof StoreError) {
    return new ApiError('store_unavailable', 'The store cannot be reached at the moment; try again.', {
      'retry-after': '1',
    });
  }
  const { code, validation, statusCode } = error as { code?: string; validation?: unknown; statusCode?: number };
  if (Array.isArray(validation)) return new ApiError('invalid_request', describeValidation(error as ValidationFailure));
  const known = code === undefined ? undefined : frameworkCodes.get(code);
  if (known) return new ApiError(...known);
  // Fastify's JSON parser throws a SyntaxError with status 400 and no code.
  if (error instanceof SyntaxError && statusCode === 400)
    return new ApiError('malformed_json', 'The body is no valid JSON.');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new ApiError('invalid_request', 'The request is not valid.');
  }
  return new ApiError('internal', 'Something went wrong here; the log of the server says what.');
}

interface ValidationFailure {
  readonly validationContext?: string;
  readonly validation: readonly {
    readonly instancePath: string;
    readonly message?: string;
    readonly params?: Readonly<Record<string, unknown>>;
  }[];
}

/** Names the place and the rule, never the value. */
function describeValidation({ validationContext = 'request', validation }: ValidationFailure): string {
  const fault = validation[0];
  const place = validationContext + (fault?.instancePath.replaceAll('/', '.') ?? '');
  const unknown = fault?.params?.additionalProperty;
  if (typeof unknown === 'string') return `${place} has an unknown property ${JSON.stringify(unknown.slice(0, 40))}.`;
  return `${place} ${fault?.message ?? 'is not valid'}.`;
}
