import { afterEach, describe, expect, it, vi } from 'vitest';
import { canMakeNamespaces, ip, NetworkNamespace } from '../interop/network-namespaces.ts';
import { requirePeer } from '../interop/peers.ts';
import { Home } from './home.ts';
import { natKinds } from './nat-kinds.ts';

const possible = [canMakeNamespaces(), requirePeer('nft')].every(Boolean);
const [kind] = natKinds.filter(({ translates }) => translates);

describe.skipIf(!possible)('a home that cannot be built', () => {
  afterEach(() => vi.restoreAllMocks());

  it.each([
    ['by its own rules', { ...kind!, rules: () => 'these are no rules' }],
    ['by those of its carrier', { ...kind!, carrierRules: () => 'these are no rules' }],
    ['by settings that there are none of', { ...kind!, settings: { 'no/such/setting': '1' } }],
  ])('%s leaves nothing behind', (_, broken) => {
    const internet = new NetworkNamespace();
    try {
      const remove = vi.spyOn(NetworkNamespace.prototype, 'remove');
      expect(() => new Home(internet, broken, 1)).toThrow();
      const removed = (remove.mock.contexts as NetworkNamespace[]).map(({ name }) => name);
      expect(removed).toHaveLength('carrierRules' in broken ? 3 : 2);
      const left = ip('netns', 'list');
      for (const name of removed) expect(left).not.toContain(name);
    } finally {
      internet.remove();
    }
  });
});
