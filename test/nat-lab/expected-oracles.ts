import type { Home } from './home.ts';
import { blockingKinds } from './nat-kinds.ts';
import { classicName, type NatVerdict } from './oracles.ts';

export interface OracleVerdicts {
  readonly natDiscovery: NatVerdict;
  /** What a program of our own says that shares nothing with the diagnosis. */
  readonly probe: Pick<NatVerdict, 'mapping' | 'filtering'>;
  /** What `stun` says, or how it begins. */
  readonly stunClient: string;
}

/** What other people's programs ought to say. */
export function expectedOracles(home: Home): OracleVerdicts {
  const { kind, seenAddress, secondAddress } = home;
  if (blockingKinds.includes(kind)) {
    return {
      natDiscovery: { mapping: undefined, filtering: undefined, seen: [] },
      probe: { mapping: undefined, filtering: undefined },
      stunClient: 'Blocked or could not reach STUN server',
    };
  }
  // turnutils_natdiscovery sends its third request to the first address again, in place of the second one, and so takes every
  // mapping that depends on the address for one that depends on the port too.
  const mapping = kind.mapping === 'address-dependent' ? 'address-and-port-dependent' : kind.mapping;
  const seen = [seenAddress, ...(secondAddress ? [secondAddress] : [])].sort();
  return {
    natDiscovery: { mapping, filtering: kind.filtering, seen },
    probe: { mapping: kind.mapping, filtering: kind.filtering },
    stunClient: classicName(kind),
  };
}
