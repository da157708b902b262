/** What a parser gives back after it has complained: there is no value. */
export const refused: unique symbol = Symbol('refused');
export type Refused = typeof refused;

/** Why a value is not taken. A secret's value never appears in it. */
export interface Complaint {
  /** Where inside the value: the indexes and keys from the setting downwards. */
  readonly at?: readonly (string | number)[];
  readonly found?: string;
  readonly allowed?: string;
  /** A full sentence, where found and allowed do not explain themselves. */
  readonly reason?: string;
}

/** What a parser may ask of the loader. */
export interface ParseContext {
  refuse(complaint: Complaint): Refused;
  /** The content of a secret's file without the newline at its end. */
  readSecretFile(path: string, at: readonly (string | number)[]): string | Refused;
  /** The absolute form of a path; a relative one starts at the working directory. */
  resolvePath(path: string): string;
}

/** Plain, as it is only shown: what checks the configuration are the parsers. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** How text from an environment variable or a flag is read before it is parsed. */
export type Shape = 'text' | 'number' | 'switch' | 'list';

/**
 * One key of the configuration: its JSON schema, its default, and the parser that turns what was written into plain,
 * normalised data. `Suffix` is the unit that the key carries in the normalised configuration (`ttl.max` → `maxSeconds`).
 */
export interface Setting<T, Suffix extends string = ''> {
  readonly kind: 'setting';
  /** One plain sentence for the example file and the schema. */
  readonly summary: string;
  readonly schema: JsonSchema;
  readonly shape: Shape;
  /** The default as one would write it in the file; `undefined` leaves the key unset. */
  readonly fallback: unknown;
  readonly suffix: Suffix;
  /** What may be written, for error messages. */
  readonly allowed: string;
  /** A secret is never printed. */
  readonly secret: boolean;
  /** Present where the value may also be given as `…File`: turns that file's content into the value. */
  readonly fromFile?: (content: string) => unknown;
  readonly parse: (value: unknown, context: ParseContext) => T | Refused;
}

/** Keys that belong together. */
export interface Group<S> {
  readonly kind: 'group';
  readonly summary: string;
  readonly settings: S;
}

/** A group of whatever keys: what code that walks the tree sees. */
export type AnyGroup = Group<{ readonly [key: string]: AnyNode }>;
// biome-ignore lint/suspicious/noExplicitAny: a tree holds settings of every type, and only its walker sees them as one.
export type AnySetting = Setting<any, string>;
export type AnyNode = AnySetting | AnyGroup;

/** The normalised configuration that a tree of settings describes. */
export type ValuesOf<S> = {
  readonly [K in keyof S & string as S[K] extends Setting<infer _T, infer Suffix> ? `${K}${Suffix}` : K]: S[K] extends {
    readonly kind: 'group';
    readonly settings: infer G;
  }
    ? ValuesOf<G>
    : S[K] extends Setting<infer T, infer _Suffix>
      ? T
      : never;
};

export function group<S>(summary: string, settings: S): Group<S> {
  return { kind: 'group', summary, settings };
}

/** Says what a value is, for people. Never call it on a secret. */
export function describeFound(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'string') {
    return value.length > 60 ? `${JSON.stringify(value.slice(0, 60))}…` : JSON.stringify(value);
  }
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return describeType(value);
}

/** Says of what sort a value is, without the value itself. */
export function describeType(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (value instanceof Map) return 'a mapping';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'boolean') return 'true or false';
  return `a ${typeof value}`;
}
