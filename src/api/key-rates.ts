import type { VerifiedApiKey } from '../credentials/api-keys.ts';
import type { Instant } from '../turn/time.ts';
import { TokenBucket } from '../turn/token-bucket.ts';

const maxKeys = 16_384;

/**
 * How many requests each key may make in a second. Its memory is bounded; when it is full the key that was used longest ago
 * is forgotten, and has its whole allowance again.
 */
export class KeyRates {
  // Insertion order is the order of the last request.
  readonly #keys = new Map<string, { readonly perSecond: number; readonly bucket: TokenBucket }>();

  /** Counts a request; false when it is over the limit of its key. */
  take({ id, limits: { requestsPerSecond: perSecond } }: VerifiedApiKey, now: Instant): boolean {
    if (perSecond === undefined) return true;
    const known = this.#keys.get(id);
    const bucket =
      known?.perSecond === perSecond ? known.bucket : new TokenBucket({ perSecond, burst: perSecond }, now);
    this.#keys.delete(id);
    this.#keys.set(id, { perSecond, bucket });
    if (this.#keys.size > maxKeys) this.#keys.delete(this.#keys.keys().next().value!);
    return bucket.take(1, now);
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#keys.size;
  }
}
