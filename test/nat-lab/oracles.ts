/** What other people's programs say about a NAT. */
import type { Behavior } from '../../src/nat/behavior.ts';
import type { NetworkNamespace } from '../interop/network-namespaces.ts';
import { findOnPath, run } from '../interop/peers.ts';
import type { NatKind } from './nat-kinds.ts';

export interface NatVerdict {
  readonly mapping: Behavior | undefined;
  readonly filtering: Behavior | undefined;
  /** The client's addresses as the server saw them. */
  readonly seen: readonly string[];
}

/**
 * Asks coturn's `turnutils_natdiscovery` (RFC 5780), from inside a namespace.
 *
 * @param options such as `-P`, which makes requests and answers larger than a packet may be (PADDING)
 */
export async function askNatDiscovery(
  from: NetworkNamespace,
  server: string,
  port: number,
  ...options: readonly string[]
): Promise<NatVerdict> {
  const args = ['-m', '-f', ...options, '-p', String(port), server];
  const output = await outputOf(from, 'turnutils_natdiscovery', args);
  const behavior = (of: string) => {
    const words = new RegExp(`NAT with (.*) Dependent ${of}!|NAT with (Endpoint Independent) ${of}!`).exec(output);
    return behaviors.get(words?.[1] ?? words?.[2] ?? '');
  };
  const seen = [...output.matchAll(/UDP reflexive addr: (.+):\d+$/gm)].map(([, address]) => address!);
  return { mapping: behavior('Mapping'), filtering: behavior('Filtering'), seen: [...new Set(seen)] };
}

/** Whether a mapping is alive after some seconds without a packet: `turnutils_natdiscovery`, which uses RESPONSE-PORT. */
export async function askMappingAlive(
  from: NetworkNamespace,
  server: string,
  port: number,
  seconds: number,
): Promise<boolean> {
  const args = ['-t', '-T', String(seconds), '-p', String(port), server];
  const output = await outputOf(from, 'turnutils_natdiscovery', args);
  // The second answer is the one that another socket asked for.
  return /RFC 5780 response 2$/m.test(output);
}

const behaviors = new Map<string, Behavior>([
  ['Endpoint Independent', 'endpoint-independent'],
  ['Address', 'address-dependent'],
  ['Address and Port', 'address-and-port-dependent'],
]);

/**
 * Asks Debian's `stun` (RFC 3489), from inside a namespace, and returns what it says, such as
 * `Independent Mapping, Port Dependent Filter, preserves ports, no hairpin`.
 *
 * @param sourcePort its first socket's; the ones it would choose itself may be in use by another that runs meanwhile.
 */
export async function askStunClient(
  from: NetworkNamespace,
  server: string,
  port: number,
  sourcePort: number,
): Promise<string> {
  const output = await outputOf(from, 'stun', [`${server}:${port}`, '-p', String(sourcePort)]);
  return /^Primary: (.*?)\s*$/m.exec(output)?.[1] ?? output;
}

/** What a program as simple as can be finds, which takes fresh sockets for each question. */
export async function askProbe(
  from: NetworkNamespace,
  servers: readonly [string, string],
  ports: readonly [number, number],
): Promise<Pick<NatVerdict, 'mapping' | 'filtering'>> {
  const script = new URL('recipe-probe.js', import.meta.url).pathname;
  const [command, ...args] = [...from.prefix, process.execPath, script, ...servers, ...ports.map(String)];
  const { mapping, filtering } = JSON.parse((await run(command!, args)).stdout) as Record<
    string,
    Behavior | 'no answer'
  >;
  const known = (behavior: Behavior | 'no answer' | undefined) => (behavior === 'no answer' ? undefined : behavior);
  return { mapping: known(mapping), filtering: known(filtering) };
}

/** How `stun` calls a kind of NAT; it does not look at the filtering of one that is not endpoint-independent. */
export function classicName({ translates, mapping, filtering }: NatKind): string {
  if (!translates) return filtering === 'endpoint-independent' ? 'Open' : 'Firewall';
  if (mapping !== 'endpoint-independent') return 'Dependent Mapping';
  return `Independent Mapping, ${classicFilters.get(filtering)!} Filter`;
}

const classicFilters = new Map<Behavior, string>([
  ['endpoint-independent', 'Independent'],
  ['address-dependent', 'Address Dependent'],
  ['address-and-port-dependent', 'Port Dependent'],
]);

/** Neither program's exit status tells whether it failed. */
async function outputOf(from: NetworkNamespace, program: string, args: readonly string[]): Promise<string> {
  const [command, ...rest] = [...from.prefix, findOnPath(program)!, ...args];
  const { stdout, stderr } = await run(command!, rest);
  return stdout + stderr;
}
