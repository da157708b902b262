import fc from 'fast-check';

export interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly uniqueItems?: boolean;
}

/** One operation of an OpenAPI document, as far as requests are made from it. */
export interface Operation {
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: JsonSchema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
}

export interface FuzzedRequest {
  readonly url: string;
  readonly contentType: string | undefined;
  readonly payload: string | undefined;
}

/** By the name of a parameter or property: texts that mean something to the server, such as ids. */
export type Known = Readonly<Record<string, readonly string[]>>;

const hostileTexts = [
  '',
  ' ',
  '\0',
  '\u202e',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  "' OR 1=1 --",
  '%{jndi:ldap://192.0.2.1}',
  '\r\nSet-Cookie: a=b',
  '1700003600:alice',
  '1700003600:alice##',
  '999999999999999999:alice',
  'NaN',
  '-1',
  '1e9',
  '9'.repeat(40),
  '💬'.repeat(200),
  'x'.repeat(3000),
];

const hostileText = fc.oneof(fc.constantFrom(...hostileTexts), fc.string({ unit: 'binary' }), fc.string());

const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  fc.jsonValue(),
  fc.constantFrom(null, true, -1, 0, 0.5, -0, 2 ** 53, 1e308, -1e308, [], {}, [[[[]]]]),
  fc.constantFrom({ toString: 1 }, { length: -1 }, ['a', 'a'], [null]),
);

/** Values of which most fit a schema. */
function fitting(schema: JsonSchema, name: string, known: Known): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => fitting(one, name, known)));
  switch (schema.type) {
    case 'object':
      return fittingObject(schema, known);
    case 'array':
      return fc.uniqueArray(fitting(schema.items ?? {}, name, known), {
        minLength: schema.minItems ?? 0,
        maxLength: 3,
        selector: (value) => JSON.stringify(value),
      });
    case 'integer':
      return fc.oneof(
        fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 100_000 }),
        fc.constantFrom(60, 600, 3600, 86_400),
      );
    case 'boolean':
      return fc.boolean();
    case 'string':
      return fittingText(schema, name, known);
    default:
      return hostileValue;
  }
}

function fittingText(schema: JsonSchema, name: string, known: Known): fc.Arbitrary<string> {
  if (schema.format === 'date') {
    return fc
      .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString().slice(0, 10));
  }
  const length = { minLength: schema.minLength ?? 0, maxLength: Math.min(schema.maxLength ?? 40, 60) };
  const meaningful = (known[name] ?? []).map((text) => ({ weight: 6, arbitrary: fc.constant(text) }));
  const free = fc.oneof(...meaningful, { weight: 2, arbitrary: fc.string(length) });
  if (schema.pattern === undefined) return free;
  return fc.oneof(fc.stringMatching(new RegExp(schema.pattern, 'u'), { maxLength: length.maxLength }), free);
}

function fittingObject(schema: JsonSchema, known: Known): fc.Arbitrary<object> {
  const properties = Object.entries(schema.properties ?? {});
  return fc.record(Object.fromEntries(properties.map(([name, value]) => [name, fitting(value, name, known)])), {
    requiredKeys: [...(schema.required ?? [])],
  });
}

/** Objects that fit, that nearly fit, and that do not fit at all. */
function anyObject(schema: JsonSchema, known: Known): fc.Arbitrary<unknown> {
  const names = Object.keys(schema.properties ?? {});
  const name = fc.oneof(fc.constantFrom('__proto__', 'constructor', 'extra', ...names), hostileText);
  const fits = fittingObject(schema, known);
  return fc.oneof(
    { weight: 6, arbitrary: fits },
    {
      weight: 3,
      arbitrary: fc
        .tuple(fits, name, hostileValue)
        .map(([object, key, value]) => Object.fromEntries([...Object.entries(object), [key, value]])),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fits, fc.constantFrom('', ...names))
        .map(([object, gone]) => Object.fromEntries(Object.entries(object).filter(([key]) => key !== gone))),
    },
    { weight: 1, arbitrary: hostileValue },
  );
}

function fields(object: unknown): string {
  if (typeof object !== 'object' || object === null) return String(object);
  const pairs = Object.entries(object).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, typeof one === 'string' ? one : JSON.stringify(one)]),
  );
  return new URLSearchParams(pairs).toString();
}

const brokenText = fc.constantFrom(
  '{',
  '[',
  '"',
  '{"a":1,}',
  '{"__proto__":{}}',
  '%zz=%',
  '\0',
  'null',
  'x'.repeat(5000),
);

function body(operation: Operation, known: Known): fc.Arbitrary<Omit<FuzzedRequest, 'url'>> {
  const none = fc.constant({ contentType: undefined, payload: undefined });
  const strange = fc.record({
    contentType: fc.constantFrom(
      'application/json',
      'text/plain',
      'application/xml',
      'application/json; charset=x',
      ';',
    ),
    payload: fc.oneof(brokenText, hostileText),
  });
  if (!operation.requestBody) return fc.oneof({ weight: 8, arbitrary: none }, { weight: 1, arbitrary: strange });
  const regular = Object.entries(operation.requestBody.content).map(([contentType, { schema }]) => ({
    weight: 8,
    arbitrary: fc.record({
      contentType: fc.constant<string | undefined>(contentType),
      payload: fc.oneof(
        {
          weight: 9,
          arbitrary: anyObject(schema, known).map((value): string =>
            contentType === 'application/json' ? (JSON.stringify(value) ?? '') : fields(value),
          ),
        },
        { weight: 1, arbitrary: brokenText },
      ),
    }),
  }));
  return fc.oneof(...regular, { weight: 1, arbitrary: none }, { weight: 1, arbitrary: strange });
}

const brokenSegments = ['%zz', '%', '%00', '%2F', '%2e%2e', '..', '%E0%A4', '*', ';a=b', '%C0%AF', 'a'.repeat(3000)];

function segment(schema: JsonSchema, name: string, known: Known): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 8, arbitrary: fittingText(schema, name, known).map(encodeURIComponent) },
    { weight: 2, arbitrary: hostileText.map(encodeURIComponent) },
    { weight: 1, arbitrary: fc.constantFrom(...brokenSegments) },
  );
}

/**
 * Requests for one operation: most of them as the document has them, the others more or less not.
 *
 * @param known what means something to the server
 */
export function requestsFor(path: string, operation: Operation, known: Known): fc.Arbitrary<FuzzedRequest> {
  const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = operation.parameters.filter((parameter) => parameter.in === 'query');
  const segments = fc.record(
    Object.fromEntries(inPath.map(({ name, schema }) => [name, segment(schema, name, known)])),
  ) as fc.Arbitrary<Record<string, string>>;
  const querySchema = { properties: Object.fromEntries(inQuery.map(({ name, schema }) => [name, schema])) };
  const query = fc.oneof(
    // Where there is a body as well, the two seldom agree.
    { weight: operation.requestBody ? 20 : 1, arbitrary: fc.constant('') },
    { weight: 4, arbitrary: fittingObject(querySchema, known).map(fields) },
    { weight: 1, arbitrary: anyObject(querySchema, known).map(fields) },
    { weight: 1, arbitrary: fc.constantFrom('%', '%zz=1', '=', '&&', 'a[b]=c', `a=${'b'.repeat(3000)}`) },
  );
  return fc.tuple(segments, query, body(operation, known)).map(([values, text, rest]) => {
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name]!);
    return { ...rest, url: text === '' ? filled : `${filled}?${text}` };
  });
}
