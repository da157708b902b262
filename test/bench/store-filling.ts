/** How many keys and revocations a credential service holds while it is measured. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createApiKey, type StoredApiKey } from '../../src/credentials/api-keys.ts';
import { formatTimeLimitedUsername } from '../../src/credentials/time-limited-username.ts';
import { SqliteConnection } from '../../src/store/sqlite/sqlite-connection.ts';
import { databaseFile } from '../../src/store/sqlite/sqlite-store.ts';
import type { Revocation } from '../../src/store/store.ts';
import { type UnixSeconds, unixSeconds } from '../../src/turn/time.ts';

export interface Filling {
  readonly name: string;
  readonly keys: number;
  readonly revocations: number;
}

export const few: Filling = filling(100, 0);
/** Without any revocation nothing has to be looked up, so look-ups are compared with these. */
export const some: Filling = filling(100, 100);
export const many: Filling = filling(100_000, 1_000_000);

function filling(keys: number, revocations: number): Filling {
  const held = revocations === 0 ? 'no revocations' : `${revocations.toLocaleString('en-US')} revocations`;
  return { name: `${keys.toLocaleString('en-US')} keys, ${held}`, keys, revocations };
}

export interface MadeKey {
  /** `id.secret`, as an app presents it. */
  readonly text: string;
  readonly stored: StoredApiKey;
}

/** Makes keys that issue and revoke, each with random id and secret. */
export function makeKeys(count: number): readonly MadeKey[] {
  const now = readTime();
  return Array.from({ length: count }, () => {
    const { key, stored } = createApiKey({ name: 'bench', scopes: ['issue', 'revoke'], now, randomBytes });
    return { text: key, stored };
  });
}

/** Revocations of which one in ten is of a user, one in ten of a key, and all others of a credential; good for a day. */
export function* makeRevocations(count: number): Generator<Revocation> {
  const until = unixSeconds(readTime() + 86_400);
  for (let i = 0; i < count; i++) {
    if (i % 10 === 0) yield { kind: 'user', name: `revoked-user-${i}`, until };
    else if (i % 10 === 1) yield { kind: 'key', name: randomBytes(9).toString('base64url'), until };
    else yield { kind: 'credential', name: someUsername(`revoked-${i}`, until), until };
  }
}

/** The username of a credential, as issuing makes it. */
export function someUsername(user: string, expiresAt: UnixSeconds, issuer = 'a-key-id-123'): string {
  return formatTimeLimitedUsername({ expiresAt, user, label: 'calls', issuer });
}

/**
 * Makes the store of a daemon in its data directory, before the daemon starts.
 *
 * @returns the keys, as apps present them.
 */
export function fillStore(dataDir: string, { keys, revocations }: Filling): readonly string[] {
  mkdirSync(dataDir, { mode: 0o700 });
  const made = makeKeys(keys);
  const connection = SqliteConnection.open(databaseFile(dataDir));
  try {
    connection.transaction(() => {
      for (const { stored } of made) {
        const { id, name, secretSha256, scopes, createdAt } = stored;
        const values = [id, name, secretSha256, JSON.stringify(scopes), null, createdAt];
        connection.run('INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?)', ...values);
      }
      for (const { kind, name, until } of makeRevocations(revocations)) {
        connection.run('INSERT INTO revocations VALUES (?, ?, ?)', kind, name, until);
      }
    });
  } finally {
    connection.close();
  }
  return made.map(({ text }) => text);
}

function readTime(): UnixSeconds {
  return unixSeconds(Math.floor(Date.now() / 1000));
}
