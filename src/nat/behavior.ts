/** What the mapping or the filtering of a NAT depends on (RFC 4787 §4.1, §5; RFC 5780 §3). */
export type Behavior = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

/** The names of RFC 3489 §5, for what fits one. */
export type ClassicName =
  | 'open internet'
  | 'symmetric firewall'
  | 'full cone'
  | 'restricted cone'
  | 'port-restricted cone'
  | 'symmetric';
