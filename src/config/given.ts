import { formatPath, type Origin } from './problem.ts';
import type { AnySetting } from './setting.ts';

/** A value that a file, a variable or a flag gives for a setting. */
export interface Given {
  /** The key as it was spelled, `…File` included. */
  readonly path: readonly string[];
  readonly setting: AnySetting;
  readonly viaFile: boolean;
  readonly value: unknown;
  readonly origin: Origin;
  /** The position of a part of the value, where the source knows positions. */
  readonly locate?: (at: readonly (string | number)[]) => Origin;
}

/** The key that a given value is for: `sharedSecretsFile` is for `sharedSecrets`. */
export function keyOf({ path, viaFile }: Given): string {
  const key = formatPath(path);
  return viaFile ? key.slice(0, -'File'.length) : key;
}
