import { isIPv6 } from 'node:net';
import { Type } from 'typebox';
import { Check } from 'typebox/schema';
import type { Configuration } from '../../config/settings.ts';

/** What the HTTP service says of the server: nothing when it is switched off. */
export type Readiness = 'ready' | 'unreachable' | 'switched-off' | { readonly notReady: string };

const Health = Type.Object({
  plane: Type.Object({ name: Type.String(), why: Type.String(), workers: Type.Integer() }),
});

/** The data plane that a running server says it uses. */
export interface RunningPlane {
  readonly name: string;
  readonly why: string;
  /** Threads for UDP clients beside the main one. */
  readonly workers: number;
}

/** Everything is on this machine. */
const timeoutMs = 3000;

/** Asks the running server whether it takes new clients. */
export async function askReadiness(configuration: Configuration): Promise<Readiness> {
  if (!isReachable(configuration)) return 'switched-off';
  try {
    const response = await ask(configuration, '/readyz');
    if (response.ok) return 'ready';
    const body = (await response.json()) as { readonly error?: { readonly code?: string; readonly message?: string } };
    return body.error?.code === 'not_ready' ? { notReady: body.error.message ?? 'no reason given' } : 'unreachable';
  } catch {
    return 'unreachable';
  }
}

/** Asks the running server which data plane it uses; `undefined` when it cannot be asked or does not say. */
export async function askPlane(configuration: Configuration): Promise<RunningPlane | undefined> {
  if (!isReachable(configuration)) return undefined;
  try {
    const health: unknown = await (await ask(configuration, '/healthz')).json();
    return Check(Health, health) ? health.plane : undefined;
  } catch {
    return undefined;
  }
}

/** A port that is free to choose is known to the running server only. */
function isReachable({ http }: Configuration): boolean {
  return http.enabled && http.port !== 0;
}

function ask({ http }: Configuration, path: string): Promise<Response> {
  const host = http.host === '0.0.0.0' ? '127.0.0.1' : http.host === '::' ? '::1' : http.host;
  const url = `http://${isIPv6(host) ? `[${host}]` : host}:${http.port}${path}`;
  return fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
}
