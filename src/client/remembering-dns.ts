import type { IpAddress } from '../stun/ip-address.ts';
import type { DnsResolver, NaptrRecord, ResolutionError, SrvRecord } from './dns-resolver.ts';
import { failure, type Result } from './result.ts';

type Answer<T> = Promise<Result<readonly T[], ResolutionError>>;

/** NAPTR and SRV records multiply: whoever owns a domain must not make its visitors ask without end. */
const MAX_QUESTIONS = 64;

/**
 * A resolver that asks no question twice, and not too many. It is for one search only, since answers grow old; what comes after the
 * last question is as if there were no such record.
 */
export class RememberingDns implements DnsResolver {
  readonly #dns: DnsResolver;
  #questions = 0;
  readonly #addresses = new Map<string, Answer<IpAddress>>();
  readonly #srv = new Map<string, Answer<SrvRecord>>();
  readonly #naptr = new Map<string, Answer<NaptrRecord>>();

  constructor(dns: DnsResolver) {
    this.#dns = dns;
  }

  addresses(host: string): Answer<IpAddress> {
    return this.#remembered(this.#addresses, host, () => this.#dns.addresses(host));
  }

  srv(name: string): Answer<SrvRecord> {
    return this.#remembered(this.#srv, name, () => this.#dns.srv(name));
  }

  naptr(name: string): Answer<NaptrRecord> {
    return this.#remembered(this.#naptr, name, () => this.#dns.naptr(name));
  }

  #remembered<T>(answers: Map<string, Answer<T>>, name: string, ask: () => Answer<T>): Answer<T> {
    const key = name.toLowerCase();
    const known = answers.get(key);
    if (known) return known;
    if (this.#questions === MAX_QUESTIONS) return Promise.resolve(failure({ code: 'ENODATA' }));
    this.#questions++;
    const answer = ask();
    answers.set(key, answer);
    return answer;
  }
}
