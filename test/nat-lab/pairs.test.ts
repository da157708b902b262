import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canMakeNamespaces } from '../interop/network-namespaces.ts';
import { requirePeer } from '../interop/peers.ts';
import { pairedKinds } from './lab-kinds.ts';
import { agrees, type ComparedPair, PairLab } from './pair-lab.ts';

const possible = [canMakeNamespaces(), ...['nft', 'turnserver', 'openssl'].map(requirePeer)].every(Boolean);
const SETUP_MS = 300_000;

describe.skipIf(!possible)('a verdict on two networks and what becomes of a connection between them', () => {
  let lab: PairLab;
  let pairs: readonly ComparedPair[];
  beforeAll(async () => {
    lab = await PairLab.start(pairedKinds);
    pairs = await lab.connectAll();
  }, SETUP_MS);
  afterAll(() => lab?.stop(), SETUP_MS);

  for (const [index, { name }] of pairedKinds.entries()) {
    for (const other of pairedKinds.slice(index)) {
      it(`${name} and ${other.name}`, () => {
        const compared = pairs.find(({ a, b }) => a === name && b === other.name)!;
        expect(compared, `${compared.verdict}, but in truth ${compared.truth}`).toSatisfy(agrees);
      });
    }
  }

  it('is certain of most', () => {
    const uncertain = pairs.filter(({ verdict }) => verdict === 'uncertain').map(({ a, b }) => `${a} and ${b}`);
    const early = 'early packets take the port';
    expect(uncertain.sort()).toEqual(
      [
        'an address-restricted cone and two uplinks, by destination',
        // Whose packet is first decides.
        `a firewall without NAT and ${early}`,
        `a port-restricted cone and ${early}`,
        `${early} and a carrier NAT behind a home NAT`,
        `${early} and IPv6 with a firewall`,
      ].sort(),
    );
  });
});
