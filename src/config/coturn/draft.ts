import { isDeepStrictEqual } from 'node:util';
import { everySetting } from '../environment.ts';
import { formatPath } from '../problem.ts';
import { type AnySetting, type ParseContext, refused } from '../setting.ts';
import { settings } from '../settings.ts';
import type { ConfLine } from './conf-file.ts';
import type { Fate } from './fate.ts';

/** A value, or one item of a list, with the lines that it comes from. */
export interface DraftItem {
  readonly value: unknown;
  readonly lines: readonly number[];
}

/** One key of the configuration to be. */
export interface DraftEntry {
  readonly isList: boolean;
  readonly items: readonly DraftItem[];
}

const settingByKey: ReadonlyMap<string, AnySetting> = new Map(
  [...everySetting(settings)].map(({ path, setting }) => [formatPath(path), setting]),
);

/** The configuration that an import builds up, as it would be written in the file. */
export class Draft {
  readonly #entries = new Map<string, { isList: boolean; items: { value: unknown; lines: number[] }[] }>();

  /** Sets a key. Lines that say the same of one key together are all remembered. */
  set(key: string, value: unknown, line: ConfLine): Fate {
    const earlier = this.#entries.get(key)?.items[0];
    const lines = earlier !== undefined && isDeepStrictEqual(earlier.value, value) ? earlier.lines : [];
    this.#entries.set(key, { isList: false, items: [{ value, lines: [...lines, line.number] }] });
    return { kind: 'taken over', as: this.#describe(key, value) };
  }

  /** Adds an item to a key that is a list. */
  add(key: string, item: unknown, line: ConfLine): Fate {
    const entry = this.#entries.get(key) ?? { isList: true, items: [] };
    entry.items.push({ value: item, lines: [line.number] });
    this.#entries.set(key, entry);
    return { kind: 'taken over', as: settingOf(key).secret ? key : `${key}: ${String(item)}` };
  }

  /** The keys that were set, whether or not they say the default. */
  get entries(): ReadonlyMap<string, DraftEntry> {
    return this.#entries;
  }

  /** Whether a key has no more to say than its default. */
  isDefault(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return true;
    const values = entry.items.map(({ value }) => value);
    return saysDefault(key, entry.isList ? values : values[0]);
  }

  #describe(key: string, value: unknown): string {
    const shown = typeof value === 'string' || typeof value === 'number' ? String(value) : JSON.stringify(value);
    return `${key}: ${shown}${saysDefault(key, value) ? ', the default' : ''}`;
  }
}

function settingOf(key: string): AnySetting {
  const setting = settingByKey.get(key);
  if (setting === undefined) throw new Error(`there is no key ${key}`);
  return setting;
}

function saysDefault(key: string, value: unknown): boolean {
  const setting = settingOf(key);
  if (setting.fallback === undefined || setting.secret) return false;
  const parsed: unknown = setting.parse(value, context);
  return parsed !== refused && isDeepStrictEqual(parsed, setting.parse(setting.fallback, context));
}

/** Only for comparing: the loader is who says what is wrong. */
const context: ParseContext = {
  refuse: () => refused,
  readSecretFile: () => refused,
  resolvePath: (path) => path,
};
