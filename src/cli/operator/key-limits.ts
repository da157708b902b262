import type { Command } from 'commander';
import { Check } from 'typebox/schema';
import { formatDuration, parseByteSize, parseDurationMilliseconds } from '../../config/quantity.ts';
import { KeyLimits } from '../../credentials/api-key-schemas.ts';
import type { KeyLimits as Limits } from '../../credentials/api-keys.ts';
import { wrongUsage } from '../command-failure.ts';
import { collect } from '../configuration-flags.ts';
import { formatBytes, formatCount } from './amounts.ts';

interface LimitFlag {
  readonly flag: string;
  readonly argument: string;
  readonly limit:
    | 'maxTtlSeconds'
    | 'requestsPerSecond'
    | 'userPrefix'
    | 'bytesPerDay'
    | 'bytesPerMonth'
    | 'allocations';
  readonly summary: string;
  readonly allowed: string;
  /** `undefined` when the text is nothing of the kind. */
  readonly parse: (text: string) => number | string | undefined;
  /** What commander calls the value. */
  readonly option: keyof KeyLimitOptions;
}

export interface KeyLimitOptions {
  readonly maxTtl?: string;
  readonly rate?: string;
  readonly origin?: readonly string[];
  readonly userPrefix?: string;
  readonly bytesPerDay?: string;
  readonly bytesPerMonth?: string;
  readonly allocations?: string;
  readonly endOverBudget?: boolean;
}

const flags: readonly LimitFlag[] = [
  {
    flag: '--max-ttl',
    argument: 'TIME',
    option: 'maxTtl',
    limit: 'maxTtlSeconds',
    summary: 'the longest TTL it may ask for (default: credentials.ttl.max)',
    allowed: 'a duration in whole seconds up to 366d, such as 8h',
    parse: (text) => wholeSeconds(parseDurationMilliseconds(text)),
  },
  {
    flag: '--rate',
    argument: 'NUMBER',
    option: 'rate',
    limit: 'requestsPerSecond',
    summary: 'requests each second, and as many at once',
    allowed: 'a whole number from 1 to 1000000',
    parse: wholeNumber,
  },
  {
    flag: '--user-prefix',
    argument: 'PREFIX',
    option: 'userPrefix',
    limit: 'userPrefix',
    summary: 'put before each user, so that tenants never meet in one quota',
    allowed: '1 to 32 letters, digits and . _ ~ -',
    parse: (text) => text,
  },
  {
    flag: '--bytes-per-day',
    argument: 'SIZE',
    option: 'bytesPerDay',
    limit: 'bytesPerDay',
    summary: 'relayed payload on one day (UTC), such as 10GB',
    allowed: 'a size above zero of up to nine million GB, such as 500MB or 10GB',
    parse: parseByteSize,
  },
  {
    flag: '--bytes-per-month',
    argument: 'SIZE',
    option: 'bytesPerMonth',
    limit: 'bytesPerMonth',
    summary: 'the same in one month',
    allowed: 'a size above zero of up to nine million GB, such as 500MB or 10GB',
    parse: parseByteSize,
  },
  {
    flag: '--allocations',
    argument: 'NUMBER',
    option: 'allocations',
    limit: 'allocations',
    summary: 'allocations at once of all that it has issued',
    allowed: 'a whole number from 1 to 1000000',
    parse: wholeNumber,
  },
];

/** Adds the flags that limit a new key. */
export function addKeyLimitFlags(command: Command): Command {
  for (const { flag, argument, summary } of flags) command.option(`${flag} <${argument}>`, summary);
  return command
    .option(
      '--origin <ORIGIN>',
      'a browser page that may use it, such as https://app.example.org (repeatable)',
      collect,
    )
    .option('--end-over-budget', 'end running allocations too when a byte budget is used up');
}

/** What the flags allow a new key; what was not given is not limited. */
export function readKeyLimits(options: KeyLimitOptions): Limits {
  const limits: Record<string, unknown> = {};
  for (const { flag, option, limit, parse, allowed } of flags) {
    const text = options[option] as string | undefined;
    if (text === undefined) continue;
    const value = parse(text);
    if (value === undefined || !Check(KeyLimits, { [limit]: value })) {
      throw wrongUsage(`${flag} takes ${allowed}, not ${text}.`);
    }
    limits[limit] = value;
  }
  if (options.origin !== undefined) limits.origins = options.origin.map(checkedOrigin);
  if (options.endOverBudget) {
    if (limits.bytesPerDay === undefined && limits.bytesPerMonth === undefined) {
      throw wrongUsage('--end-over-budget needs a budget: --bytes-per-day or --bytes-per-month.');
    }
    limits.endOverBudget = true;
  }
  if (!Check(KeyLimits, limits)) throw wrongUsage('--origin may be given 64 times at most.');
  return limits;
}

/** The limits of a key for people, one a line. */
export function limitsInWords(limits: Limits): string[] {
  const { maxTtlSeconds, requestsPerSecond, userPrefix, origins, bytesPerDay, bytesPerMonth, allocations } = limits;
  const end = limits.endOverBudget ? ', then running allocations end' : '';
  return [
    maxTtlSeconds === undefined ? '' : `TTL up to ${formatDuration(maxTtlSeconds * 1000)}`,
    requestsPerSecond === undefined ? '' : `${formatCount(requestsPerSecond)} requests/s`,
    allocations === undefined ? '' : `${formatCount(allocations)} allocations at once`,
    userPrefix === undefined ? '' : `users begin with ${userPrefix}`,
    bytesPerDay === undefined ? '' : `${formatBytes(bytesPerDay)} a day${end}`,
    bytesPerMonth === undefined ? '' : `${formatBytes(bytesPerMonth)} a month${end}`,
    ...(origins ?? []).map((origin) => `pages of ${origin}`),
  ].filter((text) => text !== '');
}

/** As browsers send it: a URL has its host in lower case, and no port where it is the usual one. */
function checkedOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const origin = url?.origin;
  if (origin === undefined || !Check(KeyLimits, { origins: [text] }) || !/^https?:$/.test(url!.protocol)) {
    throw wrongUsage(`--origin takes scheme, host and port of a page, such as https://app.example.org, not ${text}.`);
  }
  if (origin !== text) throw wrongUsage(`--origin ${text}: browsers send ${origin}; give it so.`);
  return origin;
}

function wholeSeconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined || milliseconds % 1000 !== 0 ? undefined : milliseconds / 1000;
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
