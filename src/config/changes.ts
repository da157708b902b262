import { isDeepStrictEqual } from 'node:util';
import type { AnyGroup } from './setting.ts';
import { type Configuration, settings } from './settings.ts';

type Values = Readonly<Record<string, unknown>>;

/** What a new configuration changes, and what becomes of it while the daemon runs. */
export interface ConfigurationChange {
  /** The configuration of before, with the new values of those keys that can be taken over. */
  readonly configuration: Configuration;
  /** Keys, such as `limits.allocations`, whose new value is in it. */
  readonly taken: readonly string[];
  /** Keys whose new value is not. */
  readonly left: readonly string[];
}

/**
 * Compares two configurations key by key.
 *
 * @param canTake whether a key's new value is to be taken over.
 */
export function changeConfiguration(
  before: Configuration,
  after: Configuration,
  canTake: (key: string) => boolean,
): ConfigurationChange {
  const taken: string[] = [];
  const left: string[] = [];
  const compare = (group: AnyGroup, old: Values, fresh: Values, above: string): Values =>
    Object.fromEntries(
      Object.entries(group.settings).map(([key, node]) => {
        const path = above === '' ? key : `${above}.${key}`;
        if (node.kind === 'group') return [key, compare(node, old[key] as Values, fresh[key] as Values, path)];
        const name = key + node.suffix;
        if (isDeepStrictEqual(old[name], fresh[name])) return [name, old[name]];
        const takes = canTake(path);
        (takes ? taken : left).push(path);
        return [name, takes ? fresh[name] : old[name]];
      }),
    );
  // What was built from the tree has its type.
  const configuration = compare(settings, before as Values, after as Values, '') as unknown as Configuration;
  return { configuration, taken, left };
}
