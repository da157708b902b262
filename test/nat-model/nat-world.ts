import { type FamilyOptions, type FamilyOutcome, testFamily } from '../../src/nat/family.ts';
import type { Finding } from '../../src/nat/finding.ts';
import { IpAddress } from '../../src/stun/ip-address.ts';
import { AddressFamily } from '../../src/stun/protocol.ts';
import { Schedule } from '../virtual-network/schedule.ts';
import { SeededRandom } from '../virtual-network/seeded-random.ts';
import { type NatKind, VirtualNat } from '../virtual-network/virtual-nat.ts';
import { runUntil, VirtualNatEnvironment } from '../virtual-network/virtual-nat-environment.ts';
import { type Conditions, VirtualNetwork } from '../virtual-network/virtual-network.ts';
import { type ServerFaults, VirtualStunServer } from '../virtual-network/virtual-stun-server.ts';

/** A server to be put on the network; with `other` it is one of RFC 5780. */
export interface ServerPlan {
  readonly at: string;
  readonly other?: string;
  readonly faults?: ServerFaults;
}

export const discoveryServer: ServerPlan = { at: '203.0.113.10:3478', other: '203.0.113.11:3479' };

export interface WorldOptions {
  readonly nat?: Partial<NatKind>;
  readonly servers?: readonly ServerPlan[];
  readonly conditions?: Partial<Conditions>;
  readonly seed?: number;
  readonly tests?: Pick<FamilyOptions, 'lifetime' | 'hairpin'>;
  /** How much time there is. */
  readonly withinMs?: number;
}

export interface WorldOutcome extends FamilyOutcome {
  readonly elapsedMs: number;
  readonly running: readonly VirtualStunServer[];
  /** Sockets that were left open. */
  readonly left: number;
  readonly nat: VirtualNat;
}

export const outsideAddress = IpAddress.parse('198.51.100.1')!;

/** A home router as most are. */
export const homeRouter: NatKind = {
  mapping: 'endpoint-independent',
  filtering: 'address-and-port-dependent',
  ports: 'random',
  parity: false,
  addresses: [outsideAddress],
  hairpin: false,
  timeoutMs: 60_000,
  dropsFragments: false,
  rewritesPayload: false,
  udp: 'passed',
  packetsPerMapping: Number.POSITIVE_INFINITY,
  sharedFilter: false,
  unsolicitedTakesPort: false,
  uplinks: [],
};

/** Puts a host behind a NAT, servers outside, and runs all tests of IPv4 in virtual time. */
export async function diagnoseWorld(options: WorldOptions = {}): Promise<WorldOutcome> {
  const { servers = [discoveryServer], conditions, seed = 1, tests, withinMs = 15_000 } = options;
  const schedule = new Schedule();
  const random = new SeededRandom(seed);
  const network = new VirtualNetwork(schedule, random, { latencyMs: 20, ...conditions });
  const nat = new VirtualNat(schedule, network, random, { ...homeRouter, ...options.nat });
  const world = { schedule, network, random };
  const running = servers.map(({ at, other, faults }) => new VirtualStunServer(world, at, other, faults));
  const localIp = IpAddress.parse(nat.kind.mapping === 'none' ? '198.51.100.7' : '192.168.1.2')!;
  const environment = new VirtualNatEnvironment(schedule, random, nat);
  const outcome = await runUntil(
    schedule,
    testFamily(
      AddressFamily.ipv4,
      { servers: running.map(({ primary }) => primary), localIp, deadline: withinMs, ...tests },
      environment,
    ),
  );
  return { ...outcome, elapsedMs: schedule.now, running: running, left: environment.open.size, nat };
}

/** The value that was found; else why there is none, so that a failed expectation says it. */
export function said<T>(finding: Finding<T>): T | string {
  return finding.state === 'found' ? finding.value : `${finding.state}: ${finding.why}`;
}
