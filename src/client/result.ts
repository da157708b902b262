/** What came of something that the network or a user may make fail. Failures are values; a throw means a bug. */
export type Result<T, E> = Success<T> | Failure<E>;

/** It worked. */
export interface Success<T> {
  readonly ok: true;
  readonly value: T;
}

/** It did not. */
export interface Failure<E> {
  readonly ok: false;
  readonly error: E;
}

/** A {@link Result} that holds what was asked for. */
export function success<T>(value: T): Success<T> {
  return { ok: true, value };
}

/** A {@link Result} that holds why it failed. */
export function failure<E>(error: E): Failure<E> {
  return { ok: false, error };
}
