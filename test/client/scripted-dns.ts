import type { DnsResolver, NaptrRecord, ResolutionError, SrvRecord } from '../../src/client/dns-resolver.ts';
import { failure, type Result, success } from '../../src/client/result.ts';
import { IpAddress } from '../../src/stun/ip-address.ts';

/** What a zone holds, by name. */
export interface Zone {
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
  readonly srv?: Readonly<Record<string, readonly string[]>>;
  readonly naptr?: Readonly<Record<string, readonly string[]>>;
}

/** A DNS in memory, its records as zone files write them. It remembers what it was asked. */
export class ScriptedDns implements DnsResolver {
  readonly asked: string[] = [];
  /** Names about which no answer can be had, and the error that there is in its place. */
  readonly broken = new Map<string, string>();
  readonly #zone: Zone;

  constructor(zone: Zone) {
    this.#zone = zone;
  }

  async addresses(host: string): Promise<Result<readonly IpAddress[], ResolutionError>> {
    return this.#answer('address', host, this.#zone.addresses, (text) => IpAddress.parse(text)!);
  }

  /** Records such as `10 60 5060 target.example.org`. */
  async srv(name: string): Promise<Result<readonly SrvRecord[], ResolutionError>> {
    return this.#answer('srv', name, this.#zone.srv, (text) => {
      const [priority, weight, port, target = ''] = text.split(' ');
      return { priority: Number(priority), weight: Number(weight), port: Number(port), target };
    });
  }

  /** Records such as `100 10 S RELAY:turn.udp  _turn._udp.example.org`, with the regular expression between the last two spaces. */
  async naptr(name: string): Promise<Result<readonly NaptrRecord[], ResolutionError>> {
    return this.#answer('naptr', name, this.#zone.naptr, (text) => {
      const [order, preference, flags = '', service = '', regexp = '', replacement = ''] = text.split(' ');
      return { order: Number(order), preference: Number(preference), flags, service, regexp, replacement };
    });
  }

  #answer<T>(
    kind: string,
    name: string,
    records: Readonly<Record<string, readonly string[]>> | undefined,
    read: (text: string) => T,
  ): Result<readonly T[], ResolutionError> {
    this.asked.push(`${kind} ${name}`);
    const error = this.broken.get(name);
    if (error !== undefined) return failure({ code: error });
    const found = records?.[name];
    return found ? success(found.map(read)) : failure({ code: 'ENOTFOUND' });
  }
}
