import { createHmac } from 'node:crypto';
import type { Clock } from '../client/clock.ts';
import type { UnixSeconds } from '../turn/time.ts';

/** What a signed request is sent with: the services of the machine, or those of a test. */
export interface PostServices {
  readonly clock: Clock;
  readonly unixNow: () => UnixSeconds;
  readonly fetch: typeof fetch;
}

export interface PostOptions {
  readonly url: string;
  readonly secret: string;
  /** How long the whole answer may take. */
  readonly timeoutMs: number;
}

/** What came of a request. `why` names neither the path of the URL nor anything that was sent. */
export type PostOutcome =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  | { readonly kind: 'failed'; readonly why: string };

/** No answer that anybody asks for is longer; what is longer is not read. */
const MAX_BODY_BYTES = 4096;

/**
 * The `Taciturn-Signature` of a request: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`. A receiver that also looks
 * at the time cannot be fooled by a request that somebody has recorded.
 */
export function signatureOf(secret: string, at: UnixSeconds, body: string): string {
  const mac = createHmac('sha256', secret).update(`${at}.${body}`, 'utf8').digest('hex');
  return `t=${at},v1=${mac}`;
}

/** Sends signed JSON by POST to one URL. Connections are kept and used again; redirects are not followed. */
export class SignedPost {
  readonly #options: PostOptions;
  readonly #services: PostServices;
  readonly #requests = new Set<AbortController>();
  #stopped = false;

  constructor(options: PostOptions, services: PostServices) {
    this.#options = options;
    this.#services = services;
  }

  /** Scheme, host and port: all of the URL that may be shown, as a path may hold a token. */
  get receiver(): string {
    return new URL(this.#options.url).origin;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Ends the requests that have no answer yet, and sends no more. */
  stop(): void {
    this.#stopped = true;
    for (const request of this.#requests) request.abort(new Error('stopped'));
  }

  /** Sends a body once. Never rejects. */
  async send(body: string): Promise<PostOutcome> {
    if (this.#stopped) return { kind: 'failed', why: 'stopped' };
    const { url, secret, timeoutMs } = this.#options;
    const { clock, unixNow, fetch } = this.#services;
    const request = new AbortController();
    this.#requests.add(request);
    const timer = clock.schedule(timeoutMs, () => request.abort(new Error(`no answer within ${timeoutMs} ms`)));
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'taciturn',
          'taciturn-signature': signatureOf(secret, unixNow(), body),
        },
        body,
        redirect: 'manual',
        signal: request.signal,
      });
      return { kind: 'answered', status: response.status, body: await readLittle(response) };
    } catch (error) {
      return { kind: 'failed', why: reasonOf(request.signal.aborted ? request.signal.reason : error) };
    } finally {
      timer.cancel();
      this.#requests.delete(request);
    }
  }
}

/** Reads the body as far as it is of use. A body that is read to its end leaves the connection free for the next request. */
async function readLittle(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return '';
  const chunks: Uint8Array[] = [];
  let length = 0;
  while (length <= MAX_BODY_BYTES) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks).toString('utf8');
    chunks.push(value);
    length += value.byteLength;
  }
  await reader.cancel();
  return '';
}

/** `fetch` says no more than "fetch failed"; what is behind it has a code, such as ECONNREFUSED. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  const { code } = cause as NodeJS.ErrnoException;
  return code ?? cause.message;
}
