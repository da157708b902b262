import { writeXorAddress } from '../../src/stun/attributes/address.ts';
import { readLifetime, writeLifetime } from '../../src/stun/attributes/allocation.ts';
import { writeErrorCode } from '../../src/stun/attributes/error-code.ts';
import { writePasswordAlgorithms } from '../../src/stun/attributes/password-algorithms.ts';
import { readText, writeText } from '../../src/stun/attributes/text.ts';
import { findIntegrity, type IntegrityAlgorithm, verifyIntegrity, writeIntegrity } from '../../src/stun/integrity.ts';
import { longTermKey, PasswordAlgorithm } from '../../src/stun/long-term-key.ts';
import type { StunMessage } from '../../src/stun/message.ts';
import type { MessageWriter } from '../../src/stun/message-writer.ts';
import { noncePrefix } from '../../src/stun/nonce-cookie.ts';
import { Attribute, MessageClass, Method } from '../../src/stun/protocol.ts';
import { address, answerTo } from './scripted-socket.ts';

export const serverAddress = address('192.0.2.1', 3478);
export const relayedAddress = address('203.0.113.5', 51234);
export const mappedAddress = address('198.51.100.9', 40000);
export const credentials = { username: 'somebody', password: 'a secret' };

/** A TURN server that does as the test says: it keeps no allocations and never forgets to be polite. */
export class ScriptedTurnServer {
  realm = 'example.org';
  nonce = `${noncePrefix({ passwordAlgorithms: true, usernameAnonymity: false })}first`;
  /** Offered in challenges; with none, the server is one of RFC 5389. */
  algorithms: readonly number[] = [PasswordAlgorithm.sha256, PasswordAlgorithm.md5];
  password = credentials.password;
  /** Whose key answers are signed with; that of whoever asks when `undefined`. */
  username: string | undefined = credentials.username;
  passwordOf: (username: string) => string = () => this.password;
  lifetimeSeconds = 600;
  relayedAddress = relayedAddress;
  /** Under which address it sees its clients. */
  mappedAddress = mappedAddress;
  /** Errors by method, in the order in which they are to be answered; each is used once. */
  readonly errors = new Map<number, number[]>();
  /** Whether error answers carry integrity. */
  signsErrors = true;
  /** Has the last word on an answer. */
  alter: (answer: Buffer, request: StunMessage) => Buffer[] = (answer) => [answer];

  answer(request: StunMessage): Buffer[] {
    return request.messageClass === MessageClass.request ? this.alter(this.#answer(request), request) : [];
  }

  /** Adds realm, nonce and algorithms to an error. */
  writeChallenge(writer: MessageWriter, code: number): void {
    writeErrorCode(writer, code);
    writeText(writer, Attribute.realm, this.realm);
    writeText(writer, Attribute.nonce, this.nonce);
    if (this.algorithms.length > 0) writePasswordAlgorithms(writer, this.algorithms);
  }

  #answer(request: StunMessage): Buffer {
    if (request.method === Method.binding) {
      return answerTo(request, MessageClass.success, (writer) =>
        writeXorAddress(writer, Attribute.xorMappedAddress, this.mappedAddress),
      );
    }
    const integrity = this.#integrityOf(request);
    if (!integrity || !this.#verifies(request, integrity)) return this.#challenge(request, 401);
    const nonce = request.find(Attribute.nonce);
    if (readText(request, nonce) !== this.nonce) return this.#challenge(request, 438);
    const error = this.errors.get(request.method)?.shift();
    if (error) return this.#error(request, error, integrity);
    return answerTo(request, MessageClass.success, (writer) => {
      this.#writeSuccess(writer, request);
      writeIntegrity(writer, integrity, this.#key(integrity, request));
    });
  }

  #writeSuccess(writer: MessageWriter, request: StunMessage): void {
    if (request.method === Method.allocate) {
      writeXorAddress(writer, Attribute.xorRelayedAddress, this.relayedAddress);
      writeXorAddress(writer, Attribute.xorMappedAddress, this.mappedAddress);
      writeLifetime(writer, this.lifetimeSeconds);
    } else if (request.method === Method.refresh) {
      const asked = request.find(Attribute.lifetime);
      writeLifetime(writer, asked >= 0 && readLifetime(request, asked) === 0 ? 0 : this.lifetimeSeconds);
    }
  }

  #challenge(request: StunMessage, code: number): Buffer {
    return answerTo(request, MessageClass.error, (writer) => this.writeChallenge(writer, code));
  }

  #error(request: StunMessage, code: number, integrity: IntegrityAlgorithm): Buffer {
    return answerTo(request, MessageClass.error, (writer) => {
      if (code === 438 || code === 401) this.writeChallenge(writer, code);
      else writeErrorCode(writer, code);
      if (this.signsErrors) writeIntegrity(writer, integrity, this.#key(integrity, request));
    });
  }

  #integrityOf(request: StunMessage): IntegrityAlgorithm | undefined {
    return (['sha256', 'sha1'] as const).find((algorithm) => findIntegrity(request, algorithm) >= 0);
  }

  #verifies(request: StunMessage, integrity: IntegrityAlgorithm): boolean {
    return verifyIntegrity(request, findIntegrity(request, integrity), integrity, this.#key(integrity, request));
  }

  /** This server's rule is simple: SHA-256 in the integrity goes with the first algorithm that it offers. */
  #key(integrity: IntegrityAlgorithm, request: StunMessage): Buffer {
    const algorithm = integrity === 'sha256' ? (this.algorithms[0] as PasswordAlgorithm) : PasswordAlgorithm.md5;
    const username = this.username ?? readText(request, request.find(Attribute.username)) ?? '';
    return longTermKey(algorithm, username, this.realm, this.passwordOf(username));
  }
}
