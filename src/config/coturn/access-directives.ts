import { formatDuration } from '../quantity.ts';
import type { ConfLine } from './conf-file.ts';
import {
  type Directive,
  type Directives,
  impossible,
  numbered,
  repeated,
  type Take,
  toggled,
  unneeded,
  valued,
} from './directive.ts';
import { type Fate, noCounterpart, refusedLine, warn } from './fate.ts';

const takenAnyway = noCounterpart('every TURN request needs a credential; there is no other mode');

const secret: Take<string> = (value, { line, conf, draft }) => {
  const first = conf.all('static-auth-secret').find((other) => other.value === value)!;
  if (first !== line) return noCounterpart(`line ${first.number} has the same secret`);
  return warn(draft.add('authentication.sharedSecrets', value, line), strangeEnd(line));
};

/** coturn does not look at its value. */
const useAuthSecret: Directive['take'] = ({ conf }) => {
  if (conf.last('static-auth-secret')?.value !== undefined) return noCounterpart('shared secrets need no switch');
  return refusedLine(
    'the secrets are in the database of coturn; put them into authentication.sharedSecretsFile, one on each line',
  );
};

/** coturn looks at users only where it has no shared secrets. */
const user: Take<string> = (value, { line, conf, draft }) => {
  if (conf.last('use-auth-secret') !== undefined || conf.last('static-auth-secret') !== undefined) {
    return noCounterpart('coturn does not look at users beside shared secrets');
  }
  const colon = value.indexOf(':');
  if (colon < 1 || colon === value.length - 1) return refusedLine('its value is not NAME:PASSWORD');
  const name = value.slice(0, colon);
  const password = value.slice(colon + 1);
  const last = conf.all('user').findLast((other) => other.value?.startsWith(`${name}:`))!;
  if (last !== line) return noCounterpart(`line ${last.number} gives the same user again, and the last one counts`);
  if (password.startsWith('0x')) {
    return refusedLine(
      'it has a key and no password; give the user a password with taciturn users add, or import the SQLite database of coturn with taciturn users import',
    );
  }
  const fate = draft.add('authentication.users', { name, password }, line);
  return warn(fate, strangeEnd(line));
};

/** Not the value: it is a secret. */
function strangeEnd({ value, endsInBlanks }: ConfLine): string | undefined {
  if (value !== undefined && /[ \t]#/.test(value)) return 'what follows the # is a part of it, as for coturn';
  return endsInBlanks ? 'the blanks at the end of the line are left out; old versions of coturn count them' : undefined;
}

const million = 1_000_000;

/** A quota of 0 is none for coturn. */
const quota =
  (key: string): Take<number> =>
  (count, { line, draft }) => {
    const fate = draft.set(key, count === 0 ? million : Math.min(count, million), line);
    return warn(fate, count === 0 || count > million ? 'a million is the most there is' : undefined);
  };

/** coturn counts each direction by itself, where here both count together. */
const byteRate =
  (key: string): Take<number> =>
  (bytes, { line, draft }) => {
    if (bytes === 0) return draft.set(key, 'unlimited', line);
    return withReason(draft.set(key, bytes * 2, line), 'twice the value, as both directions count together');
  };

function withReason(fate: Fate, reason: string): Fate {
  return fate.kind === 'taken over' ? { ...fate, as: `${fate.as} (${reason})` } : fate;
}

const nonceLifetime: Take<number> = (seconds, { line, draft }) => {
  const longest = 86_400;
  const taken = seconds === 0 ? longest : Math.min(seconds, longest);
  const fate = draft.set('authentication.nonceLifetime', formatDuration(taken * 1000), line);
  return warn(fate, taken === seconds ? undefined : 'a day is the most; clients take a new nonce by themselves');
};

const separator: Take<string> = (value) =>
  value.startsWith(':')
    ? noCounterpart('a colon is the separator')
    : refusedLine('the separator is always a colon, so that credentials with another one would be refused');

function database(kind: string): Directive {
  return impossible(
    `users and secrets in ${kind} cannot be read; add them with: taciturn users add, and authentication.sharedSecretsFile`,
  );
}

const sqlite: Take<string> = (path) =>
  noCounterpart(
    'users in a database are no part of a configuration',
    `bring them over with: taciturn users import ${path}; shared secrets in it go into authentication.sharedSecretsFile`,
  );

const anonymous = 'anybody could relay; give users or apps credentials';

/** Who may allocate, and how much. */
export const accessDirectives: Directives = {
  'lt-cred-mech': toggled(takenAnyway, takenAnyway),
  'no-auth': toggled(refusedLine(anonymous)),
  user: repeated(user),
  realm: valued((value, { line, draft }) => draft.set('realm', value, line)),
  'server-name': unneeded('it is used with OAuth only'),
  'use-auth-secret': { repeats: false, take: useAuthSecret },
  'static-auth-secret': repeated(secret),
  'rest-api-separator': valued(separator),
  userdb: valued(sqlite),
  db: valued(sqlite),
  'psql-userdb': database('PostgreSQL'),
  'sql-userdb': database('PostgreSQL'),
  'mysql-userdb': database('MySQL'),
  'mongo-userdb': database('MongoDB'),
  'redis-userdb': database('the Redis of coturn'),
  'redis-statsdb': unneeded('usage is read at GET /v1/usage, live sessions at GET /v1/sessions'),
  'secret-key-file': unneeded('there is no password of a MySQL server to decrypt'),
  'no-auth-pings': unneeded('no database is asked for secrets'),
  'no-dynamic-realms': unneeded('there is one realm'),
  'secret-ts-exp-time': unneeded('a credential says itself when it expires'),
  oauth: toggled(refusedLine('third-party tokens (RFC 7635) are not accepted, so that their clients would be refused')),
  'secure-stun': toggled(
    refusedLine('Binding requests are answered without a credential (limits.unauthenticated bounds them)'),
  ),
  'check-origin-consistency': unneeded('ORIGIN decides nothing here'),
  'user-quota': numbered(quota('limits.allocationsPerUser')),
  'total-quota': numbered(quota('limits.allocations')),
  'max-bps': numbered(byteRate('limits.perAllocation.bytesPerSecond')),
  'bps-capacity': numbered(byteRate('limits.perServer.bytesPerSecond')),
  'stale-nonce': numbered(nonceLifetime, 600),
  'stateless-nonce': unneeded('nonces are always stateless'),
  'unauthorized-ratelimit': unneeded('answers to strangers are always limited (limits.unauthenticated)'),
  'unauthorized-ratelimit-requests': unneeded('limits.unauthenticated has limits of its own'),
  'unauthorized-ratelimit-window': unneeded('limits.unauthenticated has limits of its own'),
};
