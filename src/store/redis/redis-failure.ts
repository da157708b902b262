import { ErrorReply } from '@redis/client';

/** What to do about the refusals of Redis that an operator meets, by their first word. */
const advice: ReadonlyMap<string, string> = new Map([
  ['NOAUTH', 'Give a password in store.redis.'],
  ['WRONGPASS', 'Check user and password in store.redis.'],
  ['NOPERM', 'Allow its user the commands and the keys with the prefix of store.redisPrefix.'],
  ['OOM', 'It has no memory left: raise maxmemory, and keep maxmemory-policy at noeviction.'],
  ['MISCONF', 'It cannot save to its disk: make room there.'],
  ['READONLY', 'It is a replica: name the primary in store.redis.'],
  ['LOADING', 'It is still starting.'],
  ['MASTERDOWN', 'It has lost its primary.'],
]);

/** What went wrong, in a clause for the operator. No text of a client library, which might quote a URL, gets into it. */
export function redisFailure(error: unknown): string {
  if (error instanceof ErrorReply) {
    // Further words of a reply could quote what was sent.
    const word = /^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR';
    return `refuses (${word}). ${advice.get(word) ?? 'Look into its log; 6.2 is the oldest version that will do.'}`;
  }
  const { code } = error as { readonly code?: unknown };
  return `cannot be reached (${typeof code === 'string' ? code : (error as object).constructor.name}).`;
}
