import type { KeyBytes, Usage, UsageQuery } from '../store.ts';
import type { SqliteConnection, SqlValue } from './sqlite-connection.ts';

const addToUsage = `
  INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (day, key, user, label) DO UPDATE SET
    from_client_bytes = from_client_bytes + excluded.from_client_bytes,
    from_client_packets = from_client_packets + excluded.from_client_packets,
    to_client_bytes = to_client_bytes + excluded.to_client_bytes,
    to_client_packets = to_client_packets + excluded.to_client_packets,
    allocations = allocations + excluded.allocations`;

const addToKey = `
  INSERT INTO key_bytes VALUES (?, ?, ?) ON CONFLICT (key, day) DO UPDATE SET bytes = bytes + excluded.bytes`;

const bytesOfKey = `
  SELECT coalesce(sum(bytes), 0) AS month, coalesce(sum(bytes) FILTER (WHERE day = ?), 0) AS day
  FROM key_bytes WHERE key = ? AND day BETWEEN ? AND ?`;

/** Adds to what is counted, in one transaction. */
export function addUsage(connection: SqliteConnection, usage: readonly Usage[]): void {
  connection.transaction(() => {
    for (const { day, key, user, label, ...counts } of usage) {
      const { fromClientBytes, fromClientPackets, toClientBytes, toClientPackets, allocations } = counts;
      connection.run(
        addToUsage,
        ...[day, key, user, label, fromClientBytes, fromClientPackets, toClientBytes, toClientPackets, allocations],
      );
      connection.run(addToKey, key, day, fromClientBytes + toClientBytes);
    }
  });
}

/** What was counted, ordered by day, key, user, label. */
export function findUsage(connection: SqliteConnection, query: UsageQuery): Usage[] {
  const asked: readonly (readonly [condition: string, value: string | undefined])[] = [
    ['day >= ?', query.from],
    ['day <= ?', query.to],
    // Said twice: the indexes are without what is empty, which SQLite does not conclude from the value.
    [query.key === '' ? 'key = ?' : "key = ? AND key <> ''", query.key],
    ['user = ?', query.user],
    [query.label === '' ? 'label = ?' : "label = ? AND label <> ''", query.label],
  ];
  const given = asked.filter(([, value]) => value !== undefined);
  const where = given.length === 0 ? '' : `WHERE ${given.map(([condition]) => condition).join(' AND ')}`;
  const values = given.map(([, value]): SqlValue => value!);
  const sql = `
    SELECT day, key, user, label, from_client_bytes AS fromClientBytes, from_client_packets AS fromClientPackets,
      to_client_bytes AS toClientBytes, to_client_packets AS toClientPackets, allocations
    FROM usage ${where} ORDER BY day, key, user, label LIMIT ?`;
  return connection.rows<Usage>(sql, ...values, query.limit);
}

/** Payload bytes of each of these keys on one day and in its month. */
export function bytesOfKeys(connection: SqliteConnection, keys: readonly string[], day: string): Map<string, KeyBytes> {
  const month = day.slice(0, 7);
  return connection.snapshot(
    () =>
      new Map(
        keys.map((key) => {
          const [bytes] = connection.rows<KeyBytes>(bytesOfKey, day, key, `${month}-01`, `${month}-31`);
          return [key, bytes!];
        }),
      ),
  );
}

/** Forgets up to `most` rows of each kind that are older than `oldestDay`; whether there may be more. Months are kept whole. */
export function forgetUsage(connection: SqliteConnection, oldestDay: string, most: number): boolean {
  const usage = connection.run(
    `DELETE FROM usage WHERE (day, key, user, label) IN
       (SELECT day, key, user, label FROM usage WHERE day < ? ORDER BY day LIMIT ?)`,
    oldestDay,
    most,
  );
  const bytes = connection.run(
    'DELETE FROM key_bytes WHERE (key, day) IN (SELECT key, day FROM key_bytes WHERE day < ? ORDER BY day LIMIT ?)',
    `${oldestDay.slice(0, 7)}-01`,
    most,
  );
  return usage === most || bytes === most;
}
