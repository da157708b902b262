/** Candidates as different programs gather them in one network namespace, in a form in which they can be compared. */
import { fileURLToPath } from 'node:url';
import type { NetworkNamespace } from '../network-namespaces.ts';
import { run } from '../peers.ts';
import { launcher } from '../taciturn.ts';

export interface RtcConfiguration {
  readonly iceServers: readonly {
    readonly urls: readonly string[] | string;
    readonly username?: string;
    readonly credential?: string;
  }[];
  readonly iceTransportPolicy?: 'all' | 'relay';
}

export interface GatheredBy {
  /** As `RTCIceCandidate.candidate` has them. */
  readonly candidates: readonly string[];
  readonly errors: readonly { readonly url: string; readonly errorCode: number; readonly errorText: string }[];
}

/** Runs one of the scripts of this folder. */
export async function stackGathers(
  script: 'roamhq-wrtc.js' | 'werift.js',
  namespace: NetworkNamespace,
  configuration: RtcConfiguration,
  caFile: string,
): Promise<GatheredBy> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const [command, ...args] = [...namespace.prefix, process.execPath, path];
  const { code, stdout, stderr } = await run(command!, args, {
    input: `${JSON.stringify(configuration)}\n`,
    env: { ...process.env, NODE_EXTRA_CA_CERTS: caFile },
  });
  const line = stdout.split('\n').find((text) => text.startsWith('{'));
  if (code !== 0 || line === undefined) throw new Error(`${script} ended with ${code}:\n${stdout}\n${stderr}`);
  return { errors: [], ...(JSON.parse(line) as Pick<GatheredBy, 'candidates'>) };
}

export interface OwnGathering extends GatheredBy {
  readonly errors: readonly (GatheredBy['errors'][number] & { readonly problem: { readonly code: string } })[];
  readonly code: number | null;
  readonly elapsedMs: number;
  readonly servers: readonly { readonly url: string; readonly status: string }[];
  readonly flags: readonly { readonly code: string }[];
}

/** Runs `taciturn gather` with the same configuration. */
export async function taciturnGathers(
  namespace: NetworkNamespace,
  configuration: RtcConfiguration,
  caFile: string,
  flags: readonly string[] = [],
): Promise<OwnGathering> {
  const line = ['gather', '--ice-servers', '-', '--json', '--ca', caFile, ...flags];
  const [command, ...args] = [...namespace.prefix, process.execPath, launcher, ...line];
  const { code, stdout, stderr } = await run(command!, args, { input: JSON.stringify(configuration) });
  if (stderr !== '') throw new Error(stderr);
  const report = JSON.parse(stdout) as Omit<OwnGathering, 'candidates' | 'code'> & {
    readonly candidates: readonly { readonly candidate: string }[];
  };
  return { ...report, code, candidates: report.candidates.map(({ candidate }) => candidate) };
}

/** What may be compared of a candidate: everything but its foundation, its priority and its ports, which are new every time. */
export interface Comparable {
  readonly type: string;
  readonly protocol: string;
  readonly address: string;
  readonly related: string | undefined;
  readonly tcpType: string | undefined;
}

/** @returns each kind of candidate once, in an order of its own. */
export function comparable(candidates: readonly string[], types: readonly string[]): Comparable[] {
  const all = candidates.map(parse).filter(({ type }) => types.includes(type));
  const distinct = new Map(all.map((candidate) => [JSON.stringify(candidate), candidate]));
  return [...distinct].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, candidate]) => candidate);
}

function parse(text: string): Comparable {
  const fields = text.replace(/^(a=)?candidate:/, '').split(' ');
  const after = (name: string) => (fields.includes(name) ? fields[fields.indexOf(name) + 1] : undefined);
  return {
    type: after('typ')!,
    protocol: fields[2]!.toLowerCase(),
    address: fields[4]!.replace(/^[0-9a-f-]{36}\.local$/, '<uuid>.local'),
    related: after('raddr'),
    tcpType: after('tcptype'),
  };
}
