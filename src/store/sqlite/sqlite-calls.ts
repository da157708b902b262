import type { SqliteDatabase } from './sqlite-database.ts';

/** What the thread of the database can be asked. */
export type SqliteMethod = Exclude<keyof SqliteDatabase, 'close'>;
export type SqliteArguments<M extends SqliteMethod> = Parameters<SqliteDatabase[M]>;
export type SqliteResult<M extends SqliteMethod> = ReturnType<SqliteDatabase[M]>;

/** What the thread is started with. */
export interface SqliteWorkerData {
  readonly path: string;
}

export interface SqliteCall {
  readonly number: number;
  readonly method: SqliteMethod;
  readonly values: readonly unknown[];
  /** On the clock of {@link monotonicMilliseconds}. What is not done by then is not done at all. */
  readonly deadline: number;
}

/** What the thread says. */
export type SqliteReply =
  | { readonly kind: 'open' }
  | { readonly kind: 'not-open'; readonly why: string }
  | { readonly kind: 'done'; readonly number: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly number: number; readonly why: string }
  /** A bug of ours. */
  | { readonly kind: 'fault'; readonly number: number; readonly stack: string };

/** A clock that all threads share. */
export function monotonicMilliseconds(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
