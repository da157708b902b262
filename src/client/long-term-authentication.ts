import { readPasswordAlgorithms, writePasswordAlgorithm } from '../stun/attributes/password-algorithms.ts';
import { readText, userhash, writeText } from '../stun/attributes/text.ts';
import { findIntegrity, type IntegrityAlgorithm, verifyIntegrity, writeIntegrity } from '../stun/integrity.ts';
import { longTermKey, PasswordAlgorithm } from '../stun/long-term-key.ts';
import type { StunMessage } from '../stun/message.ts';
import type { MessageWriter } from '../stun/message-writer.ts';
import { nonceFeatures } from '../stun/nonce-cookie.ts';
import { Attribute } from '../stun/protocol.ts';
import type { RequestFailure } from './request-failure.ts';
import { failure, type Result, success } from './result.ts';

/** A user name and its password (RFC 8489 §9.2); of a credential from a TURN REST service, its `username` and `credential`. */
export interface LongTermCredentials {
  readonly username: string;
  readonly password: string;
}

/** What a server asked for in a 401 or 438 (RFC 8489 §9.2.4). */
export interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  /** PASSWORD-ALGORITHMS as they came, to be sent back unchanged; `undefined` when the server offers no choice. */
  readonly offeredAlgorithms: Buffer | undefined;
  /** The one that this client chose; MD5 when there was no choice. */
  readonly algorithm: PasswordAlgorithm;
  /** Whether the username is to be sent as its hash. */
  readonly usernameAnonymity: boolean;
}

/** What this client can do; the server's order decides among them. */
export const knownPasswordAlgorithms: readonly PasswordAlgorithm[] = [PasswordAlgorithm.sha256, PasswordAlgorithm.md5];

/**
 * Reads the challenge of a 401 or 438.
 *
 * @param previous the challenge that was answered before, whose realm a terse 438 may leave out.
 * @returns a failure when the challenge must not be answered: incomplete, stripped of its algorithms, or none known
 *   (RFC 8489 §9.2.5).
 */
export function readChallenge(
  message: StunMessage,
  previous?: Challenge,
  known: readonly PasswordAlgorithm[] = knownPasswordAlgorithms,
): Result<Challenge, RequestFailure> {
  const realm = textOf(message, Attribute.realm) ?? previous?.realm;
  if (realm === undefined) return failure({ kind: 'malformed-response', missing: Attribute.realm });
  const nonce = textOf(message, Attribute.nonce);
  if (nonce === undefined) return failure({ kind: 'malformed-response', missing: Attribute.nonce });
  const features = nonceFeatures(nonce);
  const usernameAnonymity = features?.usernameAnonymity ?? false;
  const index = message.find(Attribute.passwordAlgorithms);
  if (index < 0) {
    if (features?.passwordAlgorithms) return failure({ kind: 'bid-down' });
    return success({
      realm,
      nonce,
      offeredAlgorithms: undefined,
      algorithm: PasswordAlgorithm.md5,
      usernameAnonymity,
    });
  }
  const offered = readPasswordAlgorithms(message, index);
  if (!offered) return failure({ kind: 'malformed-response', missing: Attribute.passwordAlgorithms });
  const algorithm = offered.map((number) => known.find((one) => one === number)).find((one) => one !== undefined);
  if (algorithm === undefined) return failure({ kind: 'no-supported-algorithm', offered });
  // A copy: the value is a view into the received datagram.
  const offeredAlgorithms = Buffer.from(message.valueAt(index));
  return success({ realm, nonce, offeredAlgorithms, algorithm, usernameAnonymity });
}

/** A username and password, and how requests are signed with them under a challenge. It keeps no state and does no I/O. */
export class LongTermAuthentication {
  readonly challenge: Challenge;
  readonly #username: string;
  readonly #key: Buffer;

  constructor({ username, password }: LongTermCredentials, challenge: Challenge) {
    this.challenge = challenge;
    this.#username = username.normalize('NFC');
    this.#key = longTermKey(challenge.algorithm, this.#username, challenge.realm, password);
  }

  /** Which integrity attribute requests carry: SHA-256 exactly when the server offered a choice of algorithms (RFC 8489 §9.2.5). */
  get integrity(): IntegrityAlgorithm {
    return this.challenge.offeredAlgorithms ? 'sha256' : 'sha1';
  }

  /** Adds USERNAME or USERHASH, REALM, NONCE, the algorithms and, last, the integrity (RFC 8489 §9.2.5). */
  sign(writer: MessageWriter): void {
    const { realm, nonce, offeredAlgorithms, algorithm, usernameAnonymity } = this.challenge;
    if (usernameAnonymity) writer.attribute(Attribute.userhash, userhash(this.#username, realm));
    else writeText(writer, Attribute.username, this.#username);
    writeText(writer, Attribute.realm, realm);
    writeText(writer, Attribute.nonce, nonce);
    if (offeredAlgorithms) {
      writer.attribute(Attribute.passwordAlgorithms, offeredAlgorithms);
      writePasswordAlgorithm(writer, algorithm);
    }
    writeIntegrity(writer, this.integrity, this.#key);
  }

  /** True when the answer was made by somebody who knows the key (RFC 8489 §9.2.5). */
  verifies(answer: StunMessage): boolean {
    for (const algorithm of ['sha256', 'sha1'] as const) {
      const index = findIntegrity(answer, algorithm);
      if (index >= 0) return verifyIntegrity(answer, index, algorithm, this.#key);
    }
    return false;
  }
}

function textOf(message: StunMessage, type: number): string | undefined {
  const index = message.find(type);
  return index < 0 ? undefined : readText(message, index);
}
