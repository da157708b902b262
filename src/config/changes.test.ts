import { describe, expect, it } from 'vitest';
import { changeConfiguration } from './changes.ts';
import { loadConfiguration } from './load-configuration.ts';
import type { Configuration } from './settings.ts';

function configuration(environment: Readonly<Record<string, string>> = {}): Configuration {
  const loaded = loadConfiguration({ environment });
  if (!loaded.ok) throw new Error('the configuration is not good');
  return loaded.configuration;
}

describe('a change of the configuration', () => {
  it('is nothing between two that say the same', () => {
    const { taken, left } = changeConfiguration(configuration(), configuration(), () => true);
    expect([taken, left]).toEqual([[], []]);
  });

  it('takes over what can be taken over, and leaves the rest as it was', () => {
    const after = configuration({
      TACITURN_REALM: 'other',
      TACITURN_LIMITS__ALLOCATIONS: '7',
      TACITURN_RELAY__PEERS__ALLOW: '10.0.0.0/8',
      TACITURN_RELAY__LIFETIME__MAX: '2h',
    });
    const canTake = (key: string) => key !== 'realm' && key !== 'relay.lifetime.max';
    const { configuration: now, taken, left } = changeConfiguration(configuration(), after, canTake);
    expect(taken).toEqual(['relay.peers.allow', 'limits.allocations']);
    expect(left).toEqual(['realm', 'relay.lifetime.max']);
    expect(now.limits.allocations).toBe(7);
    expect(now.relay.peers.allow).toEqual(after.relay.peers.allow);
    expect(now.realm).toBe('taciturn');
    expect(now.relay.lifetime.maxSeconds).toBe(3600);
  });
});
