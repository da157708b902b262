/**
 * What makes a database of each version out of one of the version before. A step that was released is never changed: what is to
 * be different goes into a further step.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE keys (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL,
    scopes TEXT NOT NULL,
    limits TEXT,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE users (
    name TEXT PRIMARY KEY NOT NULL,
    realm TEXT NOT NULL,
    md5_key TEXT NOT NULL,
    sha256_key TEXT,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE revocations (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX revocations_by_end ON revocations (until);

  -- To count a million rows for each revocation would be too slow.
  CREATE TABLE revocation_count (total INTEGER NOT NULL) STRICT;
  INSERT INTO revocation_count VALUES (0);
  CREATE TRIGGER revocation_added AFTER INSERT ON revocations BEGIN
    UPDATE revocation_count SET total = total + 1;
  END;
  CREATE TRIGGER revocation_removed AFTER DELETE ON revocations BEGIN
    UPDATE revocation_count SET total = total - 1;
  END;

  CREATE TABLE usage (
    day TEXT NOT NULL,
    key TEXT NOT NULL,
    user TEXT NOT NULL,
    label TEXT NOT NULL,
    from_client_bytes INTEGER NOT NULL,
    from_client_packets INTEGER NOT NULL,
    to_client_bytes INTEGER NOT NULL,
    to_client_packets INTEGER NOT NULL,
    allocations INTEGER NOT NULL,
    PRIMARY KEY (day, key, user, label)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX usage_by_key ON usage (key, day) WHERE key <> '';
  CREATE INDEX usage_by_user ON usage (user, day);
  CREATE INDEX usage_by_label ON usage (label, day) WHERE label <> '';

  -- A month of a key with many users is many rows of usage; here it is 31 at most.
  CREATE TABLE key_bytes (
    key TEXT NOT NULL,
    day TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (key, day)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX key_bytes_by_day ON key_bytes (day);

  CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    change TEXT NOT NULL
  ) STRICT;
  `,
];
