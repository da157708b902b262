import type { Configuration } from '../config/settings.ts';
import type { CredentialSource } from '../turn/credential-source.ts';
import type { Limits, RelayAddress } from '../turn/options.ts';
import { PeerPolicy } from '../turn/peer-policy.ts';
import type { SharedTables } from '../turn/shared/shared-tables.ts';
import type { Rate } from '../turn/token-bucket.ts';
import type { TurnHostOptions } from './turn-host.ts';

/** Translates the configuration into what the pure server wants. */
export function serverOptions(
  configuration: Configuration,
  relays: { readonly ipv4: RelayAddress | undefined; readonly ipv6: RelayAddress | undefined },
  credentials: CredentialSource,
  shared: SharedTables,
): TurnHostOptions {
  const { relay, authentication } = configuration;
  return {
    realm: configuration.realm,
    requireSha256: authentication.requireSha256,
    nonceLifetimeSeconds: authentication.nonceLifetimeSeconds,
    expiry: authentication.expiry,
    defaultLifetimeSeconds: relay.lifetime.defaultSeconds,
    maxLifetimeSeconds: relay.lifetime.maxSeconds,
    rfc5766Channels: relay.rfc5766Channels,
    rfc3489: configuration.natDiscovery.rfc3489,
    alternateServers: configuration.alternateServers,
    ipv4: relays.ipv4,
    ipv6: relays.ipv6,
    limits: limits(configuration.limits),
    policy: new PeerPolicy(relay.peers),
    credentials,
    shared,
  };
}

function limits(configured: Configuration['limits']): Limits {
  const { unauthenticated, perAllocation } = configured;
  return {
    allocations: configured.allocations,
    allocationsPerUser: configured.allocationsPerUser,
    permissionsPerAllocation: configured.permissionsPerAllocation,
    channelsPerAllocation: configured.channelsPerAllocation,
    newPeers: rate(perAllocation.newPeersPerSecond, perAllocation.newPeersBurst),
    perAllocation,
    perUser: configured.perUser,
    perServer: configured.perServer,
    unauthenticatedAnswers: {
      perAddress: rate(unauthenticated.perAddressPerSecond, unauthenticated.perAddressBurst),
      // A network may do at once what one of its addresses may.
      perNetwork: {
        perSecond: unauthenticated.perNetworkPerSecond,
        burst: Math.max(unauthenticated.perNetworkPerSecond, unauthenticated.perAddressBurst),
      },
    },
  };
}

/** A rate that is `unlimited` has no burst to run out of either. */
function rate(perSecond: number, burst: number): Rate {
  return { perSecond, burst: perSecond === Number.POSITIVE_INFINITY ? perSecond : burst };
}
