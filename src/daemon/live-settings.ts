/** Keys of the configuration, and groups of them, whose new values a reload takes over. */
const live: readonly string[] = [
  'publicHost',
  'alternateServers',
  'natDiscovery.rfc3489',
  'relay.tcp',
  'relay.rfc5766Channels',
  'relay.peers',
  'relay.lifetime',
  'authentication.sharedSecrets',
  'authentication.users',
  'authentication.expiry',
  'authentication.requireSha256',
  'limits',
  'credentials',
  'store.keepUsage',
  'admission',
  'webhooks',
  'diagnose',
  'log.level',
  'log.addresses',
  'shutdown',
];

/** Those among them that count from the next start on: sockets and connections that exist were made by them. */
const fixed: readonly string[] = ['limits.connections'];

/** Whether a reload takes over a new value of this key; else it waits for a restart. */
export function isLive(key: string): boolean {
  const covers = (group: string) => key === group || key.startsWith(`${group}.`);
  return live.some(covers) && !fixed.some(covers);
}
