import { readPasswordAlgorithm } from '../stun/attributes/password-algorithms.ts';
import { readText } from '../stun/attributes/text.ts';
import { findIntegrity, type IntegrityAlgorithm, verifyIntegrity } from '../stun/integrity.ts';
import { PasswordAlgorithm } from '../stun/long-term-key.ts';
import type { StunMessage } from '../stun/message.ts';
import { Attribute, ErrorCode } from '../stun/protocol.ts';
import type { Allocation, Authenticated } from './allocation.ts';
import type { Credential } from './credential-source.ts';
import type { NonceVerdict } from './nonce.ts';
import { challenge, offeredAlgorithms, type Refusal, type Request, refuse } from './request.ts';
import type { ServerState } from './server-state.ts';
import type { UnixSeconds } from './time.ts';

/** What the long-term credential mechanism says of a request: who sent it, or how to refuse it. */
export type AuthenticationResult =
  | { readonly ok: true; readonly authenticated: Authenticated }
  | { readonly ok: false; readonly refusal: Refusal; readonly username: string | undefined };

/**
 * Checks a request by the long-term credential mechanism (RFC 8489 §9.2.4).
 *
 * @param allocation the allocation of the request's five-tuple; its key is tried first.
 */
export function authenticate(
  state: ServerState,
  request: Request,
  allocation: Allocation | undefined,
): AuthenticationResult {
  const { message, time } = request;
  const hasSha256 = message.has(Attribute.messageIntegritySha256);
  if (!hasSha256 && !message.has(Attribute.messageIntegrity)) {
    return { ok: false, refusal: challenge, username: undefined };
  }

  const facts = readFacts(state, message);
  if ('code' in facts) return { ok: false, refusal: facts, username: undefined };
  const { username, nonce, passwordAlgorithm } = facts;

  // Looking at the nonce before the user costs less, and says nothing about the user.
  const verdict = judgeNonce(state, request, nonce, allocation);
  if (verdict !== 'valid') return denied(ErrorCode.staleNonce, `nonce is ${verdict}`, username);

  const integrity: IntegrityAlgorithm = hasSha256 ? 'sha256' : 'sha1';
  if (state.options.requireSha256 && (integrity !== 'sha256' || passwordAlgorithm !== PasswordAlgorithm.sha256)) {
    return denied(ErrorCode.unauthenticated, 'the server requires SHA-256', username);
  }
  const index = findIntegrity(message, integrity);
  const whole = integrity === 'sha1' || (index >= 0 && message.lengthAt(index) === 32);
  if (index < 0 || !whole) return denied(ErrorCode.unauthenticated, 'message integrity is malformed', username);

  const fits = (key: Buffer) => verifyIntegrity(message, index, integrity, key);
  const credential = findCredential(state, allocation, username, passwordAlgorithm, fits);
  if (credential === undefined) return denied(ErrorCode.unauthenticated, 'unknown user or wrong password', username);
  if (isExpired(state, credential, allocation, time.unix)) {
    return denied(ErrorCode.unauthenticated, 'the credential has expired', username);
  }
  return { ok: true, authenticated: { username, credential, passwordAlgorithm, integrity } };
}

/**
 * A nonce is good for the address and port that it was given to; a ConnectionBind (RFC 6062 §5.4) comes on another connection
 * than the one whose nonce the client has.
 */
function judgeNonce(
  state: ServerState,
  { client, time }: Request,
  nonce: string,
  allocation: Allocation | undefined,
): NonceVerdict {
  const verdict = state.nonces.verify(nonce, client.ip, client.port, time.unix);
  const control = allocation?.fiveTuple.client;
  if (verdict !== 'foreign' || control === undefined || control.port === client.port) return verdict;
  return state.nonces.verify(nonce, control.ip, control.port, time.unix);
}

function denied(code: ErrorCode, why: string, username?: string): AuthenticationResult {
  return { ok: false, refusal: refuse(code, why), username };
}

/** Reads the attributes that must go with message integrity (RFC 8489 §9.2.4, second and third step). */
function readFacts(
  state: ServerState,
  message: StunMessage,
): { username: string; nonce: string; passwordAlgorithm: PasswordAlgorithm } | Refusal {
  const missing = refuse(ErrorCode.badRequest, 'integrity without username, realm and nonce');
  const nonceIndex = message.find(Attribute.nonce);
  const realmIndex = message.find(Attribute.realm);
  if (nonceIndex < 0 || realmIndex < 0) return missing;
  const nonce = readText(message, nonceIndex);
  const realm = readText(message, realmIndex);
  if (nonce === undefined || realm === undefined) return missing;

  const usernameIndex = message.find(Attribute.username);
  // USERHASH is not offered, because a time-limited credential cannot be found by its hash: such a user is unknown.
  if (usernameIndex < 0 && message.has(Attribute.userhash)) {
    return refuse(ErrorCode.unauthenticated, 'USERHASH is not offered here');
  }
  const username = usernameIndex < 0 ? undefined : readText(message, usernameIndex);
  if (username === undefined) return missing;

  const passwordAlgorithm = readAlgorithm(state, message);
  if (passwordAlgorithm === undefined) return refuse(ErrorCode.badRequest, 'password algorithms were tampered with');
  return { username, nonce, passwordAlgorithm };
}

/**
 * The password algorithm that the client chose; `undefined` when the choice does not fit what was offered,
 * which is how an attempt to bid the client down shows.
 */
function readAlgorithm(state: ServerState, message: StunMessage): PasswordAlgorithm | undefined {
  const chosen = message.find(Attribute.passwordAlgorithm);
  const list = message.find(Attribute.passwordAlgorithms);
  if (chosen < 0 && list < 0) return PasswordAlgorithm.md5;
  if (chosen < 0 || list < 0) return undefined;
  if (!message.valueAt(list).equals(offeredAlgorithms(state))) return undefined;
  const algorithm = readPasswordAlgorithm(message, chosen);
  if (algorithm === PasswordAlgorithm.sha256) return algorithm;
  return algorithm === PasswordAlgorithm.md5 && !state.options.requireSha256 ? algorithm : undefined;
}

function findCredential(
  state: ServerState,
  allocation: Allocation | undefined,
  username: string,
  algorithm: PasswordAlgorithm,
  fits: (key: Buffer) => boolean,
): Credential | undefined {
  const known = allocation?.authenticated;
  if (known?.username === username && known.passwordAlgorithm === algorithm && fits(known.credential.key)) {
    return known.credential;
  }
  let found: Credential | undefined;
  let tried = 0;
  // Every candidate is tried, so that the time does not tell which one it was.
  for (const candidate of state.options.credentials.candidates(username, algorithm)) {
    tried++;
    if (fits(candidate.key)) found ??= candidate;
  }
  // An unknown user costs what a known one does.
  if (tried === 0) fits(Buffer.alloc(16));
  return found;
}

function isExpired(
  state: ServerState,
  credential: Credential,
  allocation: Allocation | undefined,
  now: UnixSeconds,
): boolean {
  if (credential.expiresAt === undefined || now <= credential.expiresAt) return false;
  if (allocation === undefined || state.options.expiry === 'strict') return true;
  return state.options.expiry === 'grace' && now > credential.expiresAt + state.options.defaultLifetimeSeconds;
}
