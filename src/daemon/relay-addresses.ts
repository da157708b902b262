import type { Configuration } from '../config/settings.ts';
import type { IpAddress } from '../stun/ip-address.ts';
import type { RelayAddress } from '../turn/options.ts';
import { chooseExternalAddress, chooseRelayAddress } from './addresses.ts';
import { StartError } from './start-error.ts';

/** An address that the daemon chose, and the reason, for the operator to read. */
export interface Choice {
  readonly ip: IpAddress;
  readonly why: string;
}

/** What was chosen for one family, with the reasons. */
export interface RelayChoice {
  readonly relay: Choice;
  readonly external: Choice;
}

export const families = ['ipv4', 'ipv6'] as const;
export type FamilyName = (typeof families)[number];

/** For each family the choice, or a sentence that says why there are no relays. */
export type RelayChoices = Readonly<Record<FamilyName, RelayChoice | string>>;

/**
 * Chooses relay and external address of both families.
 *
 * @throws StartError when an external address that has to be asked for is not told: nothing is guessed in its place.
 */
export async function chooseRelays(configuration: Configuration): Promise<RelayChoices> {
  const [ipv4, ipv6] = await Promise.all(families.map((family) => chooseFamily(configuration, family)));
  return { ipv4: ipv4!, ipv6: ipv6! };
}

/** The choice as the server wants it. */
export function relayAddressOf(choice: RelayChoice | string): RelayAddress | undefined {
  return typeof choice === 'string' ? undefined : { local: choice.relay.ip, external: choice.external.ip };
}

/** Whether an external address has to be asked for again from time to time. */
export function externalMayChange(configuration: Configuration): boolean {
  return families.some((family) => {
    const { kind } = configuration.relay[family].external;
    return kind === 'stun' || kind === 'hostname';
  });
}

async function chooseFamily(configuration: Configuration, family: FamilyName): Promise<RelayChoice | string> {
  const relay = await chooseRelayAddress(configuration, family);
  if (typeof relay === 'string') return relay;
  const external = await chooseExternalAddress(configuration, family, relay.ip);
  if (typeof external === 'string') {
    throw new StartError(`The external address (relay.${family}.external) is not known: ${external}.`);
  }
  return { relay, external };
}
