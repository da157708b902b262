import { loadConfiguration } from '../../src/config/load-configuration.ts';
import type { Configuration } from '../../src/config/settings.ts';

/** The configuration that environment variables make, on top of the defaults. */
export function configured(environment: Readonly<Record<string, string>> = {}): Configuration {
  const loaded = loadConfiguration({ environment });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.configuration;
}
