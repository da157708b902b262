import { lookup, Resolver } from 'node:dns/promises';
import { systemClock } from '../../client/clock.ts';
import { failure, type Result, success } from '../../client/result.ts';
import { IpAddress } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';
import type { LookUpError } from '../network.ts';
import { within } from '../waiting.ts';
import { lookUpInHostsFile } from './hosts-file.ts';

type LookUp = Result<readonly IpAddress[], LookUpError>;

const TRIES = 3;

/**
 * Finds the addresses of one family of a name: by the hosts file, by asking the DNS server, and where that knows nothing, as
 * the system does, which knows other ways. The system is asked last, since a question to it cannot be called back and would
 * keep the process from ending.
 */
export async function lookUp(host: string, family: AddressFamily, timeoutMs: number): Promise<LookUp> {
  const literal = IpAddress.parse(host);
  if (literal) return literal.family === family ? success([literal]) : failure({ code: 'ENODATA' });
  const listed = await lookUpInHostsFile(host, family);
  if (listed.length > 0) return success(listed);
  const startedAt = systemClock.now();
  const asked = await askDns(host, family, timeoutMs);
  if (asked.ok || asked.error.code === 'ETIMEOUT' || asked.error.code === 'ENODATA') return asked;
  const left = startedAt + timeoutMs - systemClock.now();
  return within(systemClock, left, askSystem(host, family), failure({ code: 'ETIMEOUT' }));
}

async function askDns(host: string, family: AddressFamily, timeoutMs: number): Promise<LookUp> {
  const resolver = new Resolver({ timeout: Math.ceil(timeoutMs / TRIES), tries: TRIES });
  const timer = setTimeout(() => resolver.cancel(), timeoutMs);
  try {
    return toLookUp(await (family === AddressFamily.ipv4 ? resolver.resolve4(host) : resolver.resolve6(host)));
  } catch (error) {
    const code = codeOf(error);
    return failure({ code: code === 'ECANCELLED' ? 'ETIMEOUT' : code });
  } finally {
    clearTimeout(timer);
  }
}

async function askSystem(host: string, family: AddressFamily): Promise<LookUp> {
  try {
    const found = await lookup(host, { all: true, family: family === AddressFamily.ipv4 ? 4 : 6 });
    return toLookUp(found.map(({ address }) => address));
  } catch (error) {
    return failure({ code: codeOf(error) });
  }
}

function toLookUp(texts: readonly string[]): LookUp {
  const addresses = texts.flatMap((text) => IpAddress.parse(text) ?? []);
  return addresses.length > 0 ? success(addresses) : failure({ code: 'ENODATA' });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';
}
