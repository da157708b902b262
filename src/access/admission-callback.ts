import { FloodGuard } from '../telemetry/flood-guard.ts';
import type { Log } from '../telemetry/log.ts';
import type { AdmissionCandidate } from '../turn/admission.ts';
import { instant } from '../turn/time.ts';
import { type PostOutcome, type PostServices, SignedPost } from '../webhooks/signed-post.ts';

/** The section `admission` of the configuration, with its URL and secret. */
export interface AdmissionCallbackOptions {
  readonly url: string;
  readonly secret: string;
  readonly timeoutMs: number;
  /** How long an answer counts for the same user, label and key; 0 asks about every allocation. */
  readonly cacheSeconds: number;
  readonly whenUnavailable: 'allow' | 'refuse';
}

export interface AdmissionCallbackServices extends PostServices {
  readonly log: Pick<Log, 'warn'>;
}

/** How questions were decided: by the service, by an answer of it that still counts, or without it. */
export type AdmissionAnswer = 'allowed' | 'refused' | 'remembered' | 'unavailable' | 'too-many';

/** Requests at once: more would only pile up at a service that is slow already. */
const MAX_REQUESTS = 64;
const MAX_REMEMBERED = 10_000;
const usualWarnings = { perSecond: 1 / 60, burst: 5 };

/**
 * Asks a service of the operator whether an allocation may be. It never rejects, and it always answers within the timeout:
 * what happens without an answer is configured.
 */
export class AdmissionCallback {
  readonly #options: AdmissionCallbackOptions;
  readonly #services: AdmissionCallbackServices;
  readonly #post: SignedPost;
  readonly #guard: FloodGuard;
  readonly #counts: Record<AdmissionAnswer, number> = {
    allowed: 0,
    refused: 0,
    remembered: 0,
    unavailable: 0,
    'too-many': 0,
  };
  /** Answers that count for a while; the one that was used longest ago stands first. */
  readonly #remembered = new Map<string, { readonly allow: boolean; readonly until: number }>();
  /** Questions that the service has not answered yet, where others may have the same. */
  readonly #asked = new Map<string, Promise<boolean>>();
  #requests = 0;

  constructor(options: AdmissionCallbackOptions, services: AdmissionCallbackServices) {
    this.#options = options;
    this.#services = services;
    this.#post = new SignedPost(options, services);
    this.#guard = new FloodGuard(instant(services.clock.now()), usualWarnings);
  }

  /** How often a question was decided in each way. Questions that were asked together count once. */
  get counts(): Readonly<Record<AdmissionAnswer, number>> {
    return this.#counts;
  }

  /** Whether the allocation may be. */
  ask(candidate: AdmissionCandidate): Promise<boolean> {
    if (this.#options.cacheSeconds === 0) return this.#request(candidate, undefined);
    const { user, label = null, issuer = null } = candidate;
    const key = JSON.stringify([user, label, issuer]);
    const remembered = this.#recall(key);
    if (remembered !== undefined) {
      this.#counts.remembered++;
      return Promise.resolve(remembered);
    }
    const asked = this.#asked.get(key);
    if (asked !== undefined) return asked;
    const answer = this.#request(candidate, key).finally(() => this.#asked.delete(key));
    this.#asked.set(key, answer);
    return answer;
  }

  /** Forgets all answers, so that the service is asked anew. */
  forget(): void {
    this.#remembered.clear();
  }

  /** Decides what is being asked as when the service is unavailable. */
  close(): void {
    this.#post.stop();
  }

  async #request(candidate: AdmissionCandidate, key: string | undefined): Promise<boolean> {
    if (this.#requests >= MAX_REQUESTS) return this.#without('too-many', `${MAX_REQUESTS} requests wait for it`);
    this.#requests++;
    const { id, user, label, issuer, username, client, transport } = candidate;
    const body = JSON.stringify({ id, user, label, issuer, username, client, transport });
    const outcome = await this.#post.send(body);
    this.#requests--;
    const answer = read(outcome);
    if ('why' in answer) return this.#without('unavailable', answer.why);
    this.#counts[answer.allow ? 'allowed' : 'refused']++;
    if (key !== undefined) this.#remember(key, answer.allow);
    return answer.allow;
  }

  #without(answer: AdmissionAnswer, why: string): boolean {
    this.#counts[answer]++;
    const allow = this.#options.whenUnavailable === 'allow';
    const suppressed = this.#guard.admit(instant(this.#services.clock.now()));
    if (suppressed !== undefined) {
      const facts = { event: 'admission-unavailable', service: this.#post.receiver, why, allow, suppressed };
      const what = allow ? 'allowed' : 'refused';
      this.#services.log.warn(facts, `an allocation was ${what} without ${this.#post.receiver}: ${why}`);
    }
    return allow;
  }

  #recall(key: string): boolean | undefined {
    const answer = this.#remembered.get(key);
    if (answer === undefined) return undefined;
    this.#remembered.delete(key);
    if (answer.until <= this.#services.clock.now()) return undefined;
    this.#remembered.set(key, answer);
    return answer.allow;
  }

  #remember(key: string, allow: boolean): void {
    const until = this.#services.clock.now() + this.#options.cacheSeconds * 1000;
    this.#remembered.set(key, { allow, until });
    if (this.#remembered.size > MAX_REMEMBERED) this.#remembered.delete(this.#remembered.keys().next().value!);
  }
}

/** The answer of the service, or why there is none. */
function read(outcome: PostOutcome): { readonly allow: boolean } | { readonly why: string } {
  if (outcome.kind === 'failed') return { why: outcome.why };
  if (outcome.status !== 200) return { why: `status ${outcome.status}` };
  let body: unknown;
  try {
    body = JSON.parse(outcome.body);
  } catch {
    return { why: 'its answer is no JSON' };
  }
  const allow = typeof body === 'object' && body !== null && 'allow' in body ? body.allow : undefined;
  return typeof allow === 'boolean' ? { allow } : { why: 'its answer has no "allow": true or false' };
}
