import { isUserName } from '../stun/user-name.ts';
import { eachOf } from './address-settings.ts';
import { minimumPasswordBytes, minimumSecretBytes, secretFault } from './secret-strength.ts';
import { describeType, type ParseContext, type Refused, refused, type Setting } from './setting.ts';

/** A static user with the password in clear, as the long-term keys are made from it. */
export interface ConfiguredUser {
  readonly name: string;
  readonly password: string;
}

const userSchema = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', minLength: 1 },
    password: { type: 'string' },
    passwordFile: { type: 'string' },
  },
  additionalProperties: false,
};

/** A list of secrets, or a file with one on each line. */
export function secrets(summary: string): Setting<readonly string[]> {
  const allowed = `a list of secrets of at least ${minimumSecretBytes} bytes each`;
  return {
    kind: 'setting',
    summary,
    schema: { type: 'array', items: { type: 'string', minLength: minimumSecretBytes } },
    shape: 'list',
    fallback: [],
    suffix: '',
    allowed,
    secret: true,
    fromFile: (content) => {
      const lines = content.split(/\r?\n/).filter((line) => line.trim() !== '');
      return lines.length === 0 ? [''] : lines;
    },
    parse: (value, context) => {
      if (!Array.isArray(value)) return context.refuse({ found: describeType(value), allowed });
      return eachOf(value, (item, at) => {
        if (typeof item !== 'string') {
          const reason = 'A secret is text; put it in quotes.';
          return context.refuse({ at, found: describeType(item), allowed: 'text', reason });
        }
        const fault = secretFault(item);
        return fault === undefined ? item : context.refuse({ at, ...weakComplaint(fault, minimumSecretBytes) });
      });
    },
  };
}

/** One secret of some pattern, which may be left out or given as a file. */
export function optionalSecret(summary: string, pattern: RegExp, allowed: string): Setting<string | undefined> {
  return {
    kind: 'setting',
    summary,
    schema: { anyOf: [{ type: 'string', pattern: pattern.source }, { type: 'null' }] },
    shape: 'text',
    fallback: undefined,
    suffix: '',
    allowed,
    secret: true,
    fromFile: (content) => content.trim(),
    parse: (value, context) =>
      typeof value === 'string' && pattern.test(value)
        ? value
        : context.refuse({ found: describeType(value), allowed }),
  };
}

/** Static users: `{name, password}` or `{name, passwordFile}`. */
export function users(summary: string): Setting<readonly ConfiguredUser[]> {
  const allowed = 'a list of {name, password} or {name, passwordFile}';
  return {
    kind: 'setting',
    summary,
    schema: { type: 'array', items: userSchema },
    shape: 'list',
    fallback: [],
    suffix: '',
    allowed,
    secret: true,
    parse: (value, context) => {
      if (!Array.isArray(value)) return context.refuse({ found: describeType(value), allowed });
      const seen = new Set<string>();
      return eachOf(value, (item, at) => parseUser(item, at, seen, context));
    },
  };
}

function parseUser(
  item: unknown,
  at: readonly number[],
  seen: Set<string>,
  context: ParseContext,
): ConfiguredUser | Refused {
  if (!(item instanceof Map)) {
    return context.refuse({ at, found: describeType(item), allowed: '{name, password} or {name, passwordFile}' });
  }
  const unknownKeys = [...item.keys()].filter((key) => key !== 'name' && key !== 'password' && key !== 'passwordFile');
  for (const key of unknownKeys) {
    context.refuse({
      at: [...at, String(key)],
      allowed: 'name, password, passwordFile',
      reason: 'There is no such key.',
    });
  }
  const name = parseUserName(item.get('name'), [...at, 'name'], seen, context);
  const password = parsePassword(item, at, context);
  return name === refused || password === refused || unknownKeys.length > 0 ? refused : { name, password };
}

function parseUserName(
  name: unknown,
  at: readonly (string | number)[],
  seen: Set<string>,
  context: ParseContext,
): string | Refused {
  if (typeof name !== 'string' || !isUserName(name)) {
    const allowed = 'text of 1 to 508 bytes without a colon or control characters';
    return context.refuse({ at, found: typeof name === 'string' ? 'other text' : describeType(name), allowed });
  }
  if (seen.has(name))
    return context.refuse({ at, found: JSON.stringify(name), reason: 'The name is in the list already.' });
  seen.add(name);
  return name;
}

function parsePassword(user: Map<unknown, unknown>, at: readonly number[], context: ParseContext): string | Refused {
  const inline = user.get('password');
  const file = user.get('passwordFile');
  if ((inline === undefined) === (file === undefined)) {
    return context.refuse({
      at,
      allowed: 'either password or passwordFile',
      reason: 'A user needs exactly one of them.',
    });
  }
  const key = inline === undefined ? 'passwordFile' : 'password';
  const where = [...at, key];
  const given = inline ?? file ?? '';
  if (typeof given !== 'string') {
    const reason = 'A password is text; put it in quotes.';
    return context.refuse({ at: where, found: describeType(given), allowed: 'text', reason });
  }
  const password = key === 'password' ? given : context.readSecretFile(given, where);
  if (password === refused) return refused;
  const fault = secretFault(password, minimumPasswordBytes);
  return fault === undefined ? password : context.refuse({ at: where, ...weakComplaint(fault, minimumPasswordBytes) });
}

function weakComplaint(fault: string, minimumBytes: number) {
  return {
    allowed: `at least ${minimumBytes} bytes that nobody can guess`,
    reason: `The secret is refused because ${fault}. Make one with: openssl rand -base64 32`,
  };
}
