import { type RungName, rungNames } from '../../ladder/rung.ts';

const titles: ReadonlyMap<RungName, string> = new Map([['allocate-peer', 'second allocation']]);

/** What a step is called for people. */
export function stepTitle(name: RungName): string {
  return titles.get(name) ?? name;
}

/** The columns that the longest of them takes. */
export const stepTitleWidth = Math.max(...rungNames.map((name) => stepTitle(name).length));
