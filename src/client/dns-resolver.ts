import type { IpAddress } from '../stun/ip-address.ts';
import type { Result } from './result.ts';

/** Why a name gave nothing. */
export interface ResolutionError {
  /**
   * The resolver's name for it: `ENOTFOUND` and `ENODATA` say that there is no such record, `EAI_AGAIN`, `ETIMEOUT` and
   * `ESERVFAIL` that nobody could be asked. Two are this client's own: `ENOSERVICE` when the domain says in its SRV records that
   * it does not offer the service (RFC 2782, a target of `.`), and `ENOTRANSPORT` when a URL rules out every transport that the
   * client was to use.
   */
  readonly code: string;
  /** The name that gave nothing, where it is another than the one in the URL: the target of a record, or `_turn._udp.example.org`. */
  readonly name?: string;
}

/** An SRV record (RFC 2782). */
export interface SrvRecord {
  /** Lower ones are tried first. */
  readonly priority: number;
  /** The share of clients that this target gets among those of one priority. */
  readonly weight: number;
  readonly port: number;
  /** A host name; `.` or nothing says that the service is not offered. */
  readonly target: string;
}

/** A NAPTR record (RFC 3403 §4), as the S-NAPTR of RFC 3958 uses it. */
export interface NaptrRecord {
  readonly order: number;
  readonly preference: number;
  /** `s`: the replacement has SRV records; `a`: it has addresses; nothing: it has further NAPTR records. */
  readonly flags: string;
  /** Such as `RELAY:turn.udp:turn.tcp`. */
  readonly service: string;
  /** Not used by S-NAPTR; a record that has one is passed over. */
  readonly regexp: string;
  readonly replacement: string;
}

/** The questions that finding a server takes. Failures are values, and every question is answered in the end. */
export interface DnsResolver {
  /** The IPv4 and IPv6 addresses of a host, in the order in which they are to be tried. An IP address is its own. */
  addresses(host: string): Promise<Result<readonly IpAddress[], ResolutionError>>;
  srv(name: string): Promise<Result<readonly SrvRecord[], ResolutionError>>;
  naptr(name: string): Promise<Result<readonly NaptrRecord[], ResolutionError>>;
}
