import type { Configuration } from '../../config/settings.ts';
import { chooseExternalAddress, chooseRelayAddress } from '../../daemon/addresses.ts';
import { type Choice, type FamilyName, families } from '../../daemon/relay-addresses.ts';
import type { IpAddress } from '../../stun/ip-address.ts';
import { sameAddress } from '../../stun/ip-address.ts';
import { PeerPolicy } from '../../turn/peer-policy.ts';
import { type Finding, findingsAbout } from './finding.ts';

const finding = findingsAbout('external-address');

export type AskStun = (
  local: IpAddress,
  servers: Configuration['relay']['external']['stunServers'],
) => Promise<Choice | string>;

const onlyDefaults = new PeerPolicy({ allow: [], deny: [] });

/** For each family that is relayed: is what clients are told what the world sees? */
export async function externalAddressFindings(configuration: Configuration, askStun: AskStun): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const family of families) {
    const relay = await chooseRelayAddress(configuration, family);
    if (typeof relay === 'string') continue;
    const external = await chooseExternalAddress(configuration, family, relay.ip);
    if (typeof external === 'string') findings.push(unknown(family, external));
    else findings.push(...(await judge(family, relay.ip, external.ip, configuration, askStun)));
  }
  if (findings.length > 0) return findings;
  return [
    finding(
      'problem',
      'no_relay_address',
      'There is no address to relay from, neither IPv4 nor IPv6.',
      'Set relay.ipv4.address or relay.ipv6.address, or listen on an address that is not of one family only.',
    ),
  ];
}

async function judge(
  family: FamilyName,
  relay: IpAddress,
  external: IpAddress,
  configuration: Configuration,
  askStun: AskStun,
): Promise<Finding[]> {
  const { stunServers } = configuration.relay.external;
  const setting = `relay.${family}.external`;
  const reach = onlyDefaults.judge(external).reachable
    ? []
    : [
        finding(
          'warning',
          'external_address_private',
          `Clients are given ${external.text} as relayed address, which peers on the internet cannot reach. That is fine as long as all of them are on this network.`,
          `Behind a NAT, set ${setting} to the public address.`,
        ),
      ];
  if (stunServers.length === 0) {
    return [
      ...reach,
      finding(
        'not-tested',
        'external_address_unknown',
        `Whether the world sees this server at ${external.text} was not tested: there is no STUN server to ask.`,
        'Name one outside of this network: --stun-server HOST:PORT, or relay.external.stunServers.',
      ),
    ];
  }
  const seen = await askStun(relay, stunServers);
  if (typeof seen === 'string') {
    const fix = 'Check relay.external.stunServers, and that this machine may send UDP to them.';
    return [
      ...reach,
      finding(
        'not-tested',
        'external_address_unknown',
        `Whether the world sees this server at ${external.text} was not tested: ${seen}.`,
        fix,
      ),
    ];
  }
  const facts = { family, told: external.text, seen: seen.ip.text };
  if (sameAddress(seen.ip, external)) {
    return [
      ...reach,
      {
        ...finding('ok', 'external_address', `Clients are told ${external.text}, which is what a STUN server sees.`),
        facts,
      },
    ];
  }
  const wrong = finding(
    'problem',
    'external_address_wrong',
    `Clients are told ${external.text}, but a STUN server sees ${seen.ip.text}: what peers send does not get here.`,
    `Set ${setting} to ${seen.ip.text}, or to stun if it changes.`,
  );
  return [...reach, { ...wrong, facts }];
}

function unknown(family: FamilyName, why: string): Finding {
  return finding(
    'problem',
    'external_address_unknown',
    `The external address is not known: ${why}.`,
    `Correct relay.${family}.external; the server does not start without it.`,
  );
}
