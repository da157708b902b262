import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Coturn, startCoturn } from '../interop/coturn.ts';
import { canMakeNamespaces } from '../interop/network-namespaces.ts';
import { requirePeer } from '../interop/peers.ts';
import { Taciturn } from '../interop/taciturn.ts';
import type { Home } from './home.ts';
import { natKinds } from './nat-kinds.ts';
import { NatLab } from './nat-lab.ts';
import { askMappingAlive, askNatDiscovery, askStunClient, classicName } from './oracles.ts';

const programs = ['nft', 'turnserver', 'turnutils_natdiscovery', 'stun'];
const possible = [canMakeNamespaces(), ...programs.map(requirePeer)].every(Boolean);
const [own, theirs] = NatLab.servers;

// Several at once: most of the time a program waits for answers that a NAT keeps from it.
describe.skipIf(!possible)(
  'programs of others that ask this server and coturn about a NAT',
  { concurrent: true },
  () => {
    let lab: NatLab;
    let homes: Map<string, Home>;
    let server: Taciturn;
    let coturn: Coturn;
    beforeAll(async () => {
      lab = new NatLab();
      homes = new Map(natKinds.map((kind) => [kind.name, lab.addHome(kind)]));
      server = await Taciturn.start(
        `natDiscovery: { ipv4: ${JSON.stringify(own.ipv4)}, ipv6: ${JSON.stringify(own.ipv6)}, alternatePort: 0, rfc3489: true }`,
        { listen: [...own.ipv4, ...own.ipv6], prefix: lab.internet.prefix },
      );
      const others = [theirs.ipv4[1], ...theirs.ipv6].flatMap((address) => ['-L', address]);
      coturn = await startCoturn({ namespace: lab.internet, host: theirs.ipv4[0], args: others });
    });
    afterAll(async () => {
      await Promise.all([server?.stop(), coturn?.stop()]);
      lab?.remove();
    });

    for (const kind of natKinds) {
      it(`turnutils_natdiscovery finds ${kind.name}`, async () => {
        const { client, seenAddress } = homes.get(kind.name)!;
        const [ours, reference] = await Promise.all([
          askNatDiscovery(client, own.ipv4[0], server.port),
          askNatDiscovery(client, theirs.ipv4[0], coturn.address.port),
        ]);
        expect(ours).toEqual({ mapping: kind.mapping, filtering: kind.filtering, seen: [seenAddress] });
        expect(ours).toEqual(reference);
      });

      it(`stun-client finds ${kind.name}`, async () => {
        const { client } = homes.get(kind.name)!;
        const [ours, reference] = await Promise.all([
          askStunClient(client, own.ipv4[0], server.port, 20_000),
          askStunClient(client, theirs.ipv4[0], coturn.address.port, 21_000),
        ]);
        expect(ours).toContain(classicName(kind));
        expect(ours).toBe(reference);
      });
    }

    it('turnutils_natdiscovery comes to the same with packets so large that they are fragmented', async () => {
      const { client, kind } = homes.get('a full cone')!;
      const [ours, reference] = await Promise.all([
        askNatDiscovery(client, own.ipv4[0], server.port, '-P'),
        askNatDiscovery(client, theirs.ipv4[0], coturn.address.port, '-P'),
      ]);
      expect(ours).toMatchObject({ mapping: kind.mapping, filtering: kind.filtering });
      expect(ours).toEqual(reference);
    });

    it('turnutils_natdiscovery finds a mapping alive by an answer to another port', async () => {
      const { client } = homes.get('a port-restricted cone')!;
      const [ours, reference] = await Promise.all([
        askMappingAlive(client, own.ipv4[0], server.port, 1),
        askMappingAlive(client, theirs.ipv4[0], coturn.address.port, 1),
      ]);
      expect([ours, reference]).toEqual([true, true]);
    });

    it('turnutils_natdiscovery finds no NAT over IPv6', async () => {
      const { client } = homes.get('no NAT')!;
      const [ours, reference] = await Promise.all([
        askNatDiscovery(client, own.ipv6[0], server.port),
        askNatDiscovery(client, theirs.ipv6[0], coturn.address.port),
      ]);
      expect(ours).toMatchObject({ mapping: 'endpoint-independent', filtering: 'endpoint-independent' });
      expect(ours).toEqual(reference);
    });
  },
);
