import type { KeyLimits } from '../credentials/api-keys.ts';
import type { SharedQuotas } from '../store/store.ts';
import type { AdmissionCandidate, AdmissionVerdict } from '../turn/admission.ts';
import { AdmittedAllocations, type Place } from './admitted-allocations.ts';
import type { RevocableCredential } from './revocations.ts';

/** How long one decision takes at the longest: a client asks again after half a second, and gives up after some. */
const DECISION_MS = 3_000;
/** What is left of it for the store, after the operator's service. */
const STORE_MS = 800;

export interface AdmissionDeskOptions {
  isRevoked(credential: RevocableCredential): boolean;
  /** The limits of a key; `undefined` when there is no such key. */
  limitsOf(key: string): KeyLimits | undefined;
  isOverBudget(key: string, limits: KeyLimits): boolean;
  /** Asks the operator's service. */
  readonly ask?: ((candidate: AdmissionCandidate) => Promise<boolean>) | undefined;
  /** What counts when that takes too long, or fails. */
  whenUnavailable(): 'allow' | 'refuse';
  /** The quotas that all daemons share. */
  readonly quotas: SharedQuotas | undefined;
  /** How many allocations a user may have. */
  allocationsPerUser(): number;
  /** How many allocations there can be at once. */
  readonly mostAllocations: number;
}

/** Decides about new allocations, for all TURN servers of the daemon. */
export class AdmissionDesk {
  /** How often each verdict was given. */
  readonly verdicts: Readonly<Record<AdmissionVerdict, number>>;
  readonly #counts: Record<AdmissionVerdict, number> = {
    allowed: 0,
    revoked: 0,
    'key-quota': 0,
    'user-quota': 0,
    budget: 0,
    denied: 0,
  };
  readonly #options: AdmissionDeskOptions;
  readonly #admitted: AdmittedAllocations;

  constructor(options: AdmissionDeskOptions) {
    this.#options = options;
    this.#admitted = new AdmittedAllocations(options.mostAllocations);
    this.verdicts = this.#counts;
  }

  /** How many allocations are known, those included that are being decided about. */
  get size(): number {
    return this.#admitted.size;
  }

  /**
   * Decides about an allocation. One that is allowed counts until it {@link ended} or is {@link unused}.
   *
   * @param server the index of the server that asks.
   */
  async decide(candidate: AdmissionCandidate, server: number): Promise<AdmissionVerdict> {
    const verdict = await this.#decide(candidate, server);
    this.#counts[verdict]++;
    return verdict;
  }

  /** An allocation that was allowed has ended. */
  ended(id: string): void {
    this.#giveBack(this.#admitted.take(id));
  }

  /** An allocation that was allowed has come to nothing. */
  unused(id: string): void {
    this.ended(id);
  }

  /** All allocations of a server are gone. */
  serverDied(server: number): void {
    for (const place of this.#admitted.takeOf(server)) this.#giveBack(place);
  }

  /** How many allocations each user has, for {@link SharedQuotas.renew}. */
  held(): ReadonlyMap<string, number> {
    return this.#admitted.held();
  }

  async #decide(candidate: AdmissionCandidate, server: number): Promise<AdmissionVerdict> {
    const refusal = this.#refusal(candidate);
    if (refusal !== undefined) return refusal;
    const { id, user, issuer } = candidate;
    const most = issuer === undefined ? undefined : this.#options.limitsOf(issuer)?.allocations;
    // The place is taken before anybody is asked, so that of several at once no more are allowed than may be.
    const place = this.#admitted.enter({ id, user, issuer, server }, most);
    if (typeof place === 'string') return place;
    const verdict = await this.#askOthers(candidate, place);
    if (verdict !== 'allowed') this.#giveBack(this.#admitted.take(id, place));
    else if (place.gone) return 'denied';
    else place.decided = true;
    return verdict;
  }

  /** What can be told at once. */
  #refusal(candidate: AdmissionCandidate): AdmissionVerdict | undefined {
    const { isRevoked, limitsOf, isOverBudget } = this.#options;
    if (isRevoked(candidate)) return 'revoked';
    if (candidate.issuer === undefined) return undefined;
    const limits = limitsOf(candidate.issuer);
    if (limits === undefined) return 'revoked';
    return isOverBudget(candidate.issuer, limits) ? 'budget' : undefined;
  }

  async #askOthers(candidate: AdmissionCandidate, place: Place): Promise<AdmissionVerdict> {
    const { ask, quotas, whenUnavailable } = this.#options;
    if (ask !== undefined) {
      const otherwise = whenUnavailable() === 'allow';
      const answer = ask(candidate).catch(() => otherwise);
      if (!(await within(DECISION_MS - STORE_MS, answer, otherwise))) return 'denied';
    }
    // While the store is away, the quota of this daemon still holds.
    if (quotas !== undefined && !(await within(STORE_MS, this.#enterQuota(quotas, place), true))) return 'user-quota';
    return this.#refusal(candidate) ?? 'allowed';
  }

  async #enterQuota(quotas: SharedQuotas, place: Place): Promise<boolean> {
    try {
      const entered = await quotas.enter(place.user, this.#options.allocationsPerUser());
      if (!entered) return false;
      if (place.gone) leave(quotas, place.user);
      else place.counted = true;
      return true;
    } catch {
      return true;
    }
  }

  #giveBack(place: Place | undefined): void {
    const { quotas } = this.#options;
    if (place?.counted === true && quotas !== undefined) leave(quotas, place.user);
  }
}

/** If it fails, the next renewal says how many there are. */
function leave(quotas: SharedQuotas, user: string): void {
  quotas.leave(user).catch(() => undefined);
}

/** What comes of it, or something else when it takes too long. */
async function within<T>(milliseconds: number, answer: Promise<T>, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(resolve, milliseconds, otherwise);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
