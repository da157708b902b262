import { Type } from 'typebox';

const DEFAULT_LIMIT = 100;

/** The query parameters of a list that is shown page by page. */
export const pageParameters = {
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9]\\d{0,2}|1000)$',
      description: `How many at most: 1 to 1000, ${DEFAULT_LIMIT} when left out.`,
    }),
  ),
  cursor: Type.Optional(Type.String({ description: 'What the page before gave as next.' })),
};

/** What the answer says about the next page. */
export const nextPage = Type.Optional(
  Type.String({ description: 'The cursor of the next page; left out on the last one.' }),
);

export interface Page<T> {
  readonly shown: readonly T[];
  /** The cursor of the next page; `undefined` on the last one. */
  readonly next: string | undefined;
}

/** How many a page has. */
export function pageLimit(limit: string | undefined): number {
  return limit === undefined ? DEFAULT_LIMIT : Number(limit);
}

/** One page out of all, ordered by their names. */
export function pageOf<T>(
  all: readonly T[],
  nameOf: (one: T) => string,
  { limit: wanted, cursor }: { readonly limit?: string | undefined; readonly cursor?: string | undefined },
): Page<T> {
  const behind = all.filter((one) => cursor === undefined || nameOf(one) > cursor);
  behind.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  return cutPage(behind, nameOf, pageLimit(wanted));
}

/** A page out of those that follow: one more than is shown tells whether there is another page. */
export function cutPage<T>(found: readonly T[], nameOf: (one: T) => string, limit: number): Page<T> {
  const shown = found.slice(0, limit);
  return { shown, next: found.length > limit ? nameOf(shown.at(-1)!) : undefined };
}
