import { closeSync, openSync, readSync } from 'node:fs';
import Database from 'libsql';
import { Type } from 'typebox';
import { Check } from 'typebox/schema';
import { explainReadFailure } from '../../config/read-failure.ts';
import { ExitCode } from '../command-context.ts';
import { CommandFailure } from '../command-failure.ts';

/** A user as coturn keeps it. */
export interface CoturnUser {
  readonly realm: string;
  readonly name: string;
  /** Hex; the long-term key. */
  readonly key: string;
}

export interface CoturnDatabase {
  readonly users: readonly CoturnUser[];
  /** How many shared secrets it has for each realm. */
  readonly secrets: ReadonlyMap<string, number>;
}

const UserRow = Type.Object({ realm: Type.String(), name: Type.String(), hmackey: Type.String() });
const SecretRow = Type.Object({ realm: Type.String(), count: Type.Integer() });

/** How long coturn may have it locked. */
const lockTimeoutMs = 5000;

/**
 * Reads the users of a coturn server from its SQLite database. Nothing in it is changed.
 *
 * @throws CommandFailure
 */
export function readCoturnDatabase(file: string): CoturnDatabase {
  checkFormat(file);
  try {
    const database = new Database(file, { timeout: lockTimeoutMs });
    try {
      database.exec('PRAGMA query_only = ON');
      const users = database.prepare('SELECT realm, name, hmackey FROM turnusers_lt ORDER BY realm, name').all();
      return { users: users.map(toUser), secrets: readSecrets(database) };
    } finally {
      database.close();
    }
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const { message } = error as Error;
    throw unreadable(
      file,
      /no such table/.test(message) ? 'it has no table turnusers_lt, so it is none of coturn' : message,
    );
  }
}

function readSecrets(database: InstanceType<typeof Database>): Map<string, number> {
  const isThere = database.prepare("SELECT name FROM sqlite_master WHERE name = 'turn_secret'").all().length > 0;
  if (!isThere) return new Map();
  const rows = database.prepare('SELECT realm, count(*) AS count FROM turn_secret GROUP BY realm').all();
  return new Map(rows.flatMap((row) => (Check(SecretRow, row) ? [[row.realm, row.count] as const] : [])));
}

/** A column may hold anything in SQLite; what is no text is left to be refused as no key. */
function toUser(row: unknown): CoturnUser {
  if (Check(UserRow, row)) return { realm: row.realm, name: row.name, key: row.hmackey };
  const { realm, name } = row as { realm: unknown; name: unknown };
  return { realm: String(realm), name: String(name), key: '' };
}

/** SQLite would make a file that does not exist, and says little of one that is something else. */
function checkFormat(file: string): void {
  const magic = Buffer.alloc(16);
  try {
    const descriptor = openSync(file, 'r');
    try {
      readSync(descriptor, magic);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw new CommandFailure(ExitCode.failure, 'no_database', `${file}: ${explainReadFailure(error)}`);
  }
  if (magic.toString('latin1') !== 'SQLite format 3\0') {
    throw unreadable(file, 'it is no SQLite database. turnadmin keeps users in one such as /var/lib/turn/turndb');
  }
}

function unreadable(file: string, why: string): CommandFailure {
  return new CommandFailure(ExitCode.failure, 'no_database', `${file} cannot be read: ${why}.`);
}
