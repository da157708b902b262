import type { Clock } from '../../client/clock.ts';
import type { IceServer } from '../../ice/ice-server.ts';
import { readIceServers } from '../../ice/read-ice-servers.ts';
import { wrongUsage } from '../command-failure.ts';
import { serviceFailure } from './service-failure.ts';

export interface ServiceRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  /** Sent as a Bearer token. */
  readonly key: string | undefined;
  readonly timeoutMs: number;
}

export interface FetchServices {
  readonly clock: Clock;
  readonly fetch: typeof fetch;
}

/** A list of servers has a few hundred bytes. */
const MAX_BYTES = 64 * 1024;
const MAX_REDIRECTS = 3;

/**
 * Asks a service for `iceServers`, as an app does before a call. Redirects are followed on the same host only, since the key is
 * sent along; neither the key nor the query of the URL is ever shown.
 *
 * @throws CommandFailure with a code of its own for everything that can go wrong.
 */
export async function fetchIceServers(
  request: ServiceRequest,
  { clock, fetch }: FetchServices,
): Promise<readonly IceServer[]> {
  const first = serviceUrl(request.url);
  const where = withoutQuery(first);
  const late = new AbortController();
  const timer = clock.schedule(request.timeoutMs, () => late.abort());
  try {
    const response = await follow(first, where, request, (url, init) =>
      fetch(url, { ...init, redirect: 'manual', signal: late.signal }),
    );
    if (response.status < 200 || response.status > 299) {
      await response.body?.cancel();
      const { method, key } = request;
      throw serviceFailure(where, { kind: 'status', status: response.status, method, hasKey: key !== undefined });
    }
    const servers = readIceServers(await readBounded(response, where));
    if (!servers.ok) throw serviceFailure(where, { kind: 'content', ...servers.error });
    return servers.value;
  } catch (error) {
    if (late.signal.aborted) throw serviceFailure(where, { kind: 'timeout', timeoutMs: request.timeoutMs });
    const code = codeOf(error);
    throw code === undefined ? error : serviceFailure(where, { kind: 'unreachable', code });
  } finally {
    timer.cancel();
  }
}

type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

async function follow(first: URL, where: string, request: ServiceRequest, fetch: Fetch): Promise<Response> {
  let url = first;
  let { method } = request;
  for (let redirects = 0; ; redirects++) {
    const response = await fetch(url, { method, ...messageOf(method, request.key) });
    const location = response.headers.get('location');
    const isRedirect = [301, 302, 303, 307, 308].includes(response.status) && location !== null;
    if (!isRedirect || redirects === MAX_REDIRECTS) return response;
    await response.body?.cancel();
    const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
    if (next === undefined) return response;
    // Where a key goes along, TLS is not given up on the way either.
    const stays = next.host === first.host && (next.protocol === first.protocol || next.protocol === 'https:');
    if (!stays) throw serviceFailure(where, { kind: 'redirect', to: next.origin });
    if (response.status === 303) method = 'GET';
    url = next;
  }
}

function messageOf(method: ServiceRequest['method'], key: string | undefined): RequestInit {
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'taciturn' };
  if (key !== undefined) headers.authorization = `Bearer ${key}`;
  if (method === 'GET') return { headers };
  // Every service that takes a body takes an empty object.
  return { headers: { ...headers, 'content-type': 'application/json' }, body: '{}' };
}

function serviceUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw wrongUsage('--credentials-url takes a URL that starts with https:// or http://.');
  }
  if (url.username !== '' || url.password !== '') {
    throw wrongUsage('--credentials-url must not hold a username or password: give the key with --key-file.');
  }
  return url;
}

async function readBounded(response: Response, where: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
    chunks.push(part.value);
    length += part.value.length;
    if (length <= MAX_BYTES) continue;
    await reader?.cancel();
    throw serviceFailure(where, { kind: 'too-long', maxBytes: MAX_BYTES });
  }
  return Buffer.concat(chunks).toString('utf8');
}

function withoutQuery(url: URL): string {
  return url.origin + url.pathname;
}

/** The code behind "fetch failed"; `undefined` for whatever else is thrown. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof TypeError)) return undefined;
  const { cause } = error;
  if (!(cause instanceof Error)) return 'UNKNOWN';
  // The Fetch standard blocks the ports of other services, such as 25.
  if (cause.message === 'bad port') return 'BAD_PORT';
  const [first] = cause instanceof AggregateError ? (cause.errors as readonly unknown[]) : [];
  return (cause as NodeJS.ErrnoException).code ?? (first as NodeJS.ErrnoException | undefined)?.code ?? 'UNKNOWN';
}
