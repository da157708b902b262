/** The thread of the database: what holds it up holds up nobody else. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { StoreError } from '../store.ts';
import { monotonicMilliseconds, type SqliteCall, type SqliteReply, type SqliteWorkerData } from './sqlite-calls.ts';
import { SqliteDatabase } from './sqlite-database.ts';

function serve(port: MessagePort, { path }: SqliteWorkerData): void {
  const tell = (reply: SqliteReply) => port.postMessage(reply);
  let deadline = Number.POSITIVE_INFINITY;
  let database: SqliteDatabase;
  try {
    database = new SqliteDatabase(path, () => monotonicMilliseconds() < deadline);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    tell({ kind: 'not-open', why: error.message });
    port.close();
    return;
  }

  port.on('message', (call: SqliteCall | 'close') => {
    if (call === 'close') {
      database.close();
      port.close();
      return;
    }
    deadline = call.deadline;
    tell(answer(database, path, call));
  });
  tell({ kind: 'open' });
}

function answer(database: SqliteDatabase, path: string, { number, method, values, deadline }: SqliteCall): SqliteReply {
  if (monotonicMilliseconds() >= deadline) {
    return { kind: 'failed', number, why: `${path} is too slow: this was not begun in time.` };
  }
  try {
    const run = database[method] as (this: SqliteDatabase, ...values: readonly unknown[]) => unknown;
    return { kind: 'done', number, value: run.apply(database, [...values]) };
  } catch (error) {
    if (error instanceof StoreError) return { kind: 'failed', number, why: error.message };
    return { kind: 'fault', number, stack: (error as Error).stack ?? String(error) };
  }
}

if (parentPort) serve(parentPort, workerData as SqliteWorkerData);
