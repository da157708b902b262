import type { Configuration } from '../config/settings.ts';
import { CombinedCredentials } from '../credentials/combined-credentials.ts';
import { SharedSecretCredentials } from '../credentials/shared-secret-credentials.ts';
import { StaticUsers } from '../credentials/static-users.ts';
import type { StoredUser } from '../store/store.ts';
import type { ChangeableOptions, Limits, RelayAddress } from '../turn/options.ts';
import { PeerPolicy } from '../turn/peer-policy.ts';
import type { SharedTables } from '../turn/shared/shared-tables.ts';
import type { Rate } from '../turn/token-bucket.ts';
import type { TurnHostOptions } from './turn-host.ts';

/** What servers are configured by; plain data, since most of them are in threads of their own. */
export interface ServerSettings {
  readonly configuration: Configuration;
  /** The configured ones, or the generated one. */
  readonly sharedSecrets: readonly string[];
  /** Those of the store. */
  readonly users: readonly StoredUser[];
}

/** Translates the settings into what the pure server wants. */
export function serverOptions(
  settings: ServerSettings,
  relays: { readonly ipv4: RelayAddress | undefined; readonly ipv6: RelayAddress | undefined },
  shared: SharedTables,
): TurnHostOptions {
  const { realm, relay, authentication } = settings.configuration;
  return {
    ...changeableOptions(settings),
    realm,
    nonceLifetimeSeconds: authentication.nonceLifetimeSeconds,
    ipv4: relays.ipv4,
    ipv6: relays.ipv6,
    policy: new PeerPolicy(relay.peers),
    shared,
  };
}

/** The part of it that may change while the server runs. */
export function changeableOptions({ configuration, sharedSecrets, users }: ServerSettings): ChangeableOptions {
  const { realm, relay, authentication, natDiscovery, alternateServers } = configuration;
  return {
    requireSha256: authentication.requireSha256,
    expiry: authentication.expiry,
    defaultLifetimeSeconds: relay.lifetime.defaultSeconds,
    maxLifetimeSeconds: relay.lifetime.maxSeconds,
    tcpRelays: relay.tcp,
    rfc5766Channels: relay.rfc5766Channels,
    rfc3489: natDiscovery.rfc3489,
    alternateServers,
    limits: limits(configuration.limits),
    credentials: new CombinedCredentials([
      new StaticUsers(authentication.users, realm, users),
      new SharedSecretCredentials(sharedSecrets, realm),
    ]),
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
