import { parseByteSize, parseDurationMilliseconds } from './quantity.ts';
import {
  describeFound,
  type JsonSchema,
  type ParseContext,
  type Refused,
  type Setting,
  type Shape,
} from './setting.ts';

interface Range {
  readonly min: number;
  readonly max: number;
}

/** Builds a setting whose parser gives `undefined` for every value it does not take. */
export function setting<T, Suffix extends string = ''>(options: {
  summary: string;
  schema: JsonSchema;
  shape: Shape;
  fallback: unknown;
  allowed: string;
  suffix?: Suffix;
  accept: (value: unknown, context: ParseContext) => T | Refused | undefined;
}): Setting<T, Suffix> {
  const { accept, allowed, suffix, ...rest } = options;
  return {
    kind: 'setting',
    ...rest,
    allowed,
    suffix: (suffix ?? '') as Suffix,
    secret: false,
    parse: (value, context) => accept(value, context) ?? context.refuse({ found: describeFound(value), allowed }),
  };
}

export function choice<const T extends string>(summary: string, choices: readonly T[], fallback: T): Setting<T> {
  return setting({
    summary,
    fallback,
    schema: { enum: [...choices] },
    shape: 'text',
    allowed: `one of ${choices.join(', ')}`,
    accept: (value) => choices.find((one) => one === value),
  });
}

/** True or false. */
export function toggle(summary: string, fallback: boolean): Setting<boolean> {
  return setting({
    summary,
    fallback,
    schema: { type: 'boolean' },
    shape: 'switch',
    allowed: 'true or false',
    accept: (value) => (typeof value === 'boolean' ? value : undefined),
  });
}

export function wholeNumber(summary: string, fallback: number, { min, max }: Range): Setting<number> {
  return setting({
    summary,
    fallback,
    schema: { type: 'integer', minimum: min, maximum: max },
    shape: 'number',
    allowed: `a whole number from ${min} to ${max}`,
    accept: (value) => (isWholeNumber(value) && value >= min && value <= max ? value : undefined),
  });
}

/** A whole number, or `auto` for one that is chosen at the start. */
export function automaticNumber(summary: string, { min, max }: Range): Setting<'auto' | number> {
  return setting<'auto' | number>({
    summary,
    fallback: 'auto',
    schema: {
      anyOf: [
        { type: 'string', const: 'auto' },
        { type: 'integer', minimum: min, maximum: max },
      ],
    },
    shape: 'number',
    allowed: `auto, or a whole number from ${min} to ${max}`,
    accept: (value) => (value === 'auto' || (isWholeNumber(value) && value >= min && value <= max) ? value : undefined),
  });
}

/** A number of something each second, or `unlimited`, which is `Infinity` in the normalised configuration. */
export function countRate(summary: string, fallback: number | 'unlimited'): Setting<number> {
  return limit({
    summary,
    fallback,
    schema: {
      anyOf: [
        { type: 'integer', minimum: 1 },
        { type: 'string', const: 'unlimited' },
      ],
    },
    shape: 'number',
    allowed: 'a whole number of at least 1, or unlimited',
    read: (value) => (isWholeNumber(value) ? value : undefined),
  });
}

/** Bytes each second with an optional unit, or `unlimited`, which is `Infinity` in the normalised configuration. */
export function byteRate(summary: string, fallback: string): Setting<number> {
  return limit({
    summary,
    fallback,
    schema: { anyOf: [{ type: 'integer', minimum: 1 }, { type: 'string' }] },
    shape: 'text',
    allowed: 'a number of bytes such as 1500, 64KiB or 12.5MB, or unlimited',
    read: parseByteSize,
  });
}

/** A number of bytes with an optional unit. */
export function byteSize(summary: string, fallback: string, min: string, max: string): Setting<number> {
  return setting({
    summary,
    fallback,
    schema: { anyOf: [{ type: 'integer', minimum: parseByteSize(min)! }, { type: 'string' }] },
    shape: 'text',
    allowed: `a number of bytes from ${min} to ${max}, such as ${fallback}`,
    accept: (value) => {
      const bytes = parseByteSize(value);
      return bytes !== undefined && bytes >= parseByteSize(min)! && bytes <= parseByteSize(max)! ? bytes : undefined;
    },
  });
}

/** A duration that is kept in whole seconds. */
export function seconds(summary: string, fallback: string, range: DurationRange): Setting<number, 'Seconds'> {
  const allowed = `a duration in whole seconds from ${range.min} to ${range.max}, such as 90s, 10m or 1h`;
  return setting({
    ...durationBase(summary, fallback, 'Seconds', allowed),
    accept: (value) => {
      const milliseconds = durationWithin(value, range);
      return milliseconds !== undefined && milliseconds % 1000 === 0 ? milliseconds / 1000 : undefined;
    },
  });
}

/** A duration that is kept in milliseconds. */
export function milliseconds(summary: string, fallback: string, range: DurationRange): Setting<number, 'Milliseconds'> {
  const allowed = `a duration from ${range.min} to ${range.max}, such as 500ms, 30s or 10m`;
  return setting({
    ...durationBase(summary, fallback, 'Milliseconds', allowed),
    accept: (value) => durationWithin(value, range),
  });
}

/** Text of some pattern that always has a value. */
export function text(summary: string, fallback: string, pattern: RegExp, allowed: string): Setting<string> {
  return setting({
    summary,
    fallback,
    schema: { type: 'string', pattern: pattern.source },
    shape: 'text',
    allowed,
    accept: (value) => (typeof value === 'string' && pattern.test(value) ? value : undefined),
  });
}

/** Text of some pattern that may be left out. */
export function optionalText(summary: string, pattern: RegExp, allowed: string): Setting<string | undefined> {
  return setting<string | undefined>({
    ...text(summary, '', pattern, allowed),
    fallback: undefined,
    schema: { anyOf: [{ type: 'string', pattern: pattern.source }, { type: 'null' }] },
    accept: (value) => (typeof value === 'string' && pattern.test(value) ? value : undefined),
  });
}

/** A path that may be left out; absolute in the normalised configuration. */
export function optionalPath(summary: string): Setting<string | undefined> {
  const pattern = /^[^\0]+$/;
  return setting<string | undefined>({
    ...optionalText(summary, pattern, 'a path; a relative one starts at the working directory'),
    accept: (value, context) =>
      typeof value === 'string' && pattern.test(value) ? context.resolvePath(value) : undefined,
  });
}

/** Some of several choices. */
export function choices<const T extends string>(
  summary: string,
  all: readonly T[],
  fallback: readonly T[],
): Setting<readonly T[]> {
  return setting<readonly T[]>({
    summary,
    fallback,
    schema: { type: 'array', items: { enum: [...all] } },
    shape: 'list',
    allowed: `a list of ${all.join(', ')}`,
    accept: (value) =>
      Array.isArray(value) && value.every((item) => all.includes(item)) ? [...new Set(value as T[])] : undefined,
  });
}

/** A URL of HTTP or HTTPS that may be left out. */
export function optionalUrl(summary: string): Setting<string | undefined> {
  return setting<string | undefined>({
    ...urlBase(summary),
    shape: 'text',
    fallback: undefined,
    schema: { anyOf: [{ type: 'string', pattern: '^https?://' }, { type: 'null' }] },
    accept: httpUrl,
  });
}

/** URLs of HTTP or HTTPS. */
export function urls(summary: string): Setting<readonly string[]> {
  return setting<readonly string[]>({
    ...urlBase(summary),
    allowed: 'a list of URLs of http: or https:, without a password in them',
    shape: 'list',
    fallback: [],
    schema: { type: 'array', items: { type: 'string', pattern: '^https?://' } },
    accept: (value) => {
      const parsed = Array.isArray(value) ? value.map(httpUrl) : [undefined];
      return parsed.every((url) => url !== undefined) ? parsed : undefined;
    },
  });
}

function urlBase(summary: string) {
  return { summary, allowed: 'a URL of http: or https:, without a password in it' };
}

/** A password in it would be shown wherever the configuration is. */
function httpUrl(value: unknown): string | undefined {
  if (typeof value !== 'string' || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  const fits = /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  return fits ? url.href : undefined;
}

/** The lowest and the highest duration allowed, as one would write them. */
interface DurationRange {
  readonly min: string;
  readonly max: string;
}

function durationBase<S extends string>(summary: string, fallback: string, suffix: S, allowed: string) {
  const schema = {
    anyOf: [
      { type: 'number', minimum: 0 },
      { type: 'string', pattern: '^\\d+(\\.\\d+)? ?(ms|s|m|h|d)?$' },
    ],
  };
  return { summary, fallback, suffix, allowed, schema, shape: 'text' as const };
}

function durationWithin(value: unknown, range: DurationRange): number | undefined {
  const duration = parseDurationMilliseconds(value);
  const min = parseDurationMilliseconds(range.min)!;
  const max = parseDurationMilliseconds(range.max)!;
  return duration !== undefined && duration >= min && duration <= max ? duration : undefined;
}

function limit(options: {
  summary: string;
  fallback: unknown;
  schema: JsonSchema;
  shape: Shape;
  allowed: string;
  read: (value: unknown) => number | undefined;
}): Setting<number> {
  const { read, ...base } = options;
  return {
    kind: 'setting',
    ...base,
    suffix: '',
    secret: false,
    parse: (value, context) => {
      if (value === 'unlimited') return Number.POSITIVE_INFINITY;
      const amount = read(value);
      if (amount !== undefined && amount >= 1) return amount;
      return context.refuse({ found: describeFound(value), allowed: base.allowed });
    },
  };
}

function isWholeNumber(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
