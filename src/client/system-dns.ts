import { type NaptrRecord as NodeNaptrRecord, type SrvRecord as NodeSrvRecord, promises } from 'node:dns';
import { IpAddress } from '../stun/ip-address.ts';
import { type Clock, systemClock } from './clock.ts';
import type { DnsResolver, NaptrRecord, ResolutionError, SrvRecord } from './dns-resolver.ts';
import { failure, type Result, success } from './result.ts';

/** How long to wait for the DNS, and for whose. */
export interface SystemDnsOptions {
  /** The DNS servers to ask for SRV and NAPTR records, each with a port if it is not 53; the system's when left out. */
  readonly servers?: readonly string[];
  /** How long to wait for SRV and NAPTR records, in milliseconds: 1,000 when left out. Most domains have none. */
  readonly recordTimeoutMs?: number;
  /** How long to wait for addresses, in milliseconds: 5,000 when left out. */
  readonly addressTimeoutMs?: number;
  readonly clock?: Clock;
}

/**
 * The resolver of this machine. Addresses come from wherever the system has them, the hosts file included; SRV and NAPTR records
 * from its DNS servers. What is not answered in time fails as if no server could be reached: addresses with `EAI_AGAIN`, records with
 * `ETIMEOUT`.
 */
export function systemDns(options: SystemDnsOptions = {}): DnsResolver {
  const { servers, recordTimeoutMs = 1000, addressTimeoutMs = 5000, clock = systemClock } = options;

  async function records<T>(
    ask: (resolver: promises.Resolver) => Promise<readonly T[]>,
  ): Promise<Result<readonly T[], ResolutionError>> {
    // One for each question, so that giving up on one leaves the others alone.
    const resolver = new promises.Resolver({ timeout: recordTimeoutMs, tries: 1 });
    if (servers) resolver.setServers(servers);
    const answer = await within(clock, recordTimeoutMs, 'ETIMEOUT', ask(resolver));
    if (!answer.ok) resolver.cancel();
    return answer;
  }

  return {
    async addresses(host) {
      const literal = IpAddress.parse(host);
      if (literal) return success([literal]);
      const found = await within(clock, addressTimeoutMs, 'EAI_AGAIN', promises.lookup(host, { all: true }));
      if (!found.ok) return found;
      const addresses = found.value.flatMap(({ address }) => IpAddress.parse(address) ?? []);
      return addresses.length > 0 ? success(addresses) : failure({ code: 'ENODATA' });
    },
    srv: async (name) => {
      const answer = await records((resolver) => resolver.resolveSrv(name));
      return answer.ok ? success(answer.value.map(srvRecord)) : answer;
    },
    naptr: async (name) => {
      const answer = await records((resolver) => resolver.resolveNaptr(name));
      return answer.ok ? success(answer.value.map(naptrRecord)) : answer;
    },
  };
}

// Newer versions of Node.js add the type of the record.
function srvRecord({ name: target, port, priority, weight }: NodeSrvRecord): SrvRecord {
  return { target, port, priority, weight };
}

function naptrRecord({ order, preference, flags, service, regexp, replacement }: NodeNaptrRecord): NaptrRecord {
  return { order, preference, flags, service, regexp, replacement };
}

/** What was asked for, or why not; `lateCode` when it takes too long. */
function within<T>(
  clock: Clock,
  timeoutMs: number,
  lateCode: string,
  asked: Promise<T>,
): Promise<Result<T, ResolutionError>> {
  return new Promise((resolve) => {
    const timer = clock.schedule(timeoutMs, () => resolve(failure({ code: lateCode })));
    const end = (result: Result<T, ResolutionError>) => {
      timer.cancel();
      resolve(result);
    };
    asked.then(
      (value) => end(success(value)),
      (error: NodeJS.ErrnoException) => end(failure({ code: error.code ?? 'UNKNOWN' })),
    );
  });
}
