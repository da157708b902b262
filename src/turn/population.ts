/** What a server counts of itself. */
export const gauges = [
  'allocations',
  'relayedAddresses',
  'permissions',
  'channels',
  'unusablePorts',
  'connections',
  'deadlines',
] as const;

export type Gauge = (typeof gauges)[number];

/** How much of everything there is at one moment. Users and reservations are those of all servers of the daemon together. */
export type Population = Readonly<Record<Gauge | 'users' | 'reservations', number>>;
