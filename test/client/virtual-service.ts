import type { VirtualClock } from './virtual-clock.ts';

/** A request that has arrived. */
export interface ArrivedRequest {
  readonly url: string;
  readonly at: number;
  readonly headers: Headers;
  readonly body: string;
  /** The body, as what it says. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever is in it.
  readonly json: any;
}

export interface ServiceAnswer {
  readonly afterMs?: number;
  /** No status: the connection is refused. */
  readonly status?: number;
  readonly body?: string;
}

/** A web service in virtual time, in place of `fetch`. `'never'` leaves a request without an answer. */
export class VirtualService {
  readonly arrived: ArrivedRequest[] = [];
  /** Decides about each request. */
  answer: (request: ArrivedRequest) => ServiceAnswer | 'never' = () => ({ status: 200 });
  /** Requests without an answer so far, and the most there were at once. */
  open = 0;
  mostOpen = 0;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  readonly fetch: typeof fetch = (url, { body, headers, signal, redirect, method } = {}) => {
    if (method !== 'POST' || redirect !== 'manual') throw new Error('this is no request of ours');
    const text = String(body);
    const request: ArrivedRequest = {
      url: String(url),
      at: this.#clock.now(),
      headers: new Headers(headers),
      body: text,
      json: JSON.parse(text),
    };
    this.arrived.push(request);
    this.mostOpen = Math.max(this.mostOpen, ++this.open);
    const answer = this.answer(request);
    return new Promise<Response>((resolve, reject) => {
      const settle = (action: () => void) => {
        this.open--;
        action();
      };
      const reply = () =>
        settle(() => {
          if (answer === 'never' || answer.status === undefined) reject(refusedConnection());
          else resolve(new Response(answer.body ?? null, { status: answer.status }));
        });
      if (answer !== 'never' && answer.afterMs === undefined) return reply();
      const timer = answer === 'never' ? undefined : this.#clock.schedule(answer.afterMs!, reply);
      signal?.addEventListener('abort', () => {
        timer?.cancel();
        settle(() => reject(signal.reason));
      });
    });
  };
}

/** As `fetch` says it. */
function refusedConnection(): Error {
  const cause = Object.assign(new Error('connect ECONNREFUSED 192.0.2.1:443'), { code: 'ECONNREFUSED' });
  return new TypeError('fetch failed', { cause });
}
