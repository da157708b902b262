import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { type UnixSeconds, unixSeconds } from '../turn/time.ts';

export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** A certificate with its key, checked and ready for use. */
export interface Certificate {
  readonly context: SecureContext;
  readonly leaf: X509Certificate;
  readonly notBefore: UnixSeconds;
  readonly expiresAt: UnixSeconds;
  /** SHA-256 over both files, which tells whether they have changed. */
  readonly digest: string;
}

/** Why a certificate cannot be used, in a sentence that names the file. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
}

/** What a look at the files came to. */
export type CertificateReload =
  | { readonly kind: 'reloaded'; readonly expiresAt: UnixSeconds }
  | { readonly kind: 'unchanged'; readonly expiresAt: UnixSeconds }
  /** The old certificate stays in use. */
  | { readonly kind: 'refused'; readonly why: string; readonly expiresAt: UnixSeconds };

/** TLS 1.2 with forward secrecy and authenticated encryption only, and all of TLS 1.3. */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');
/** Not among Node's named constants. A client that renegotiates makes the server work and gains nothing. */
const SSL_OP_NO_RENEGOTIATION = 0x40000000;

/**
 * Reads and checks a certificate and its key.
 *
 * @throws CertificateError
 */
export function readCertificate(files: CertificateFiles): Certificate {
  const { certificateFile, keyFile } = files;
  const cert = readText(certificateFile, 'certificate');
  const key = readText(keyFile, 'key');
  const leaf = parse(() => new X509Certificate(cert), `${certificateFile} holds no certificate in PEM`);
  const privateKey = parse<KeyObject>(
    () => createPrivateKey(key),
    `${keyFile} holds no private key in PEM that is without a passphrase`,
  );
  if (!leaf.checkPrivateKey(privateKey)) {
    throw new CertificateError(`the key in ${keyFile} does not belong to the certificate in ${certificateFile}`);
  }
  const context = parse(
    () => createSecureContext({ cert, key, minVersion: 'TLSv1.2', ciphers, secureOptions: SSL_OP_NO_RENEGOTIATION }),
    `the certificate in ${certificateFile} cannot be used`,
  );
  return {
    context,
    leaf,
    notBefore: unixSeconds(Date.parse(leaf.validFrom) / 1000),
    expiresAt: unixSeconds(Date.parse(leaf.validTo) / 1000),
    digest: createHash('sha256').update(cert).update('\0').update(key).digest('hex'),
  };
}

/** Why a certificate is of no use at this moment; `undefined` when it is. */
export function outsideValidity({ notBefore, expiresAt, leaf }: Certificate, now: UnixSeconds): string | undefined {
  if (now >= expiresAt) return `the certificate expired on ${leaf.validTo}`;
  return now < notBefore ? `the certificate is not valid before ${leaf.validFrom}` : undefined;
}

/** Whether clients that were told this host accept the certificate. */
export function certificateNames({ leaf }: Certificate, host: string): boolean {
  return isIP(host) === 0 ? leaf.checkHost(host) !== undefined : leaf.checkIP(host) !== undefined;
}

/** Keeps the certificate of a pair of files up to date. A new one that is no good leaves the old one in use. */
export class CurrentCertificate {
  readonly #files: CertificateFiles;
  #certificate: Certificate;
  /** The state of the files at the last look, good or bad. */
  #seen: string;
  /** When a certificate that was refused because it is not valid yet will be. */
  #validFrom = Number.POSITIVE_INFINITY;

  /** @throws CertificateError when there is none to begin with. */
  constructor(files: CertificateFiles) {
    this.#files = files;
    this.#seen = stateOf(files);
    this.#certificate = readCertificate(files);
  }

  get certificate(): Certificate {
    return this.#certificate;
  }

  /** Reads the files again. Connections that exist keep the certificate that they have. */
  reload(now: UnixSeconds): CertificateReload {
    // Before the files: what changes while they are read is seen at the next look.
    this.#seen = stateOf(this.#files);
    this.#validFrom = Number.POSITIVE_INFINITY;
    const { expiresAt, digest } = this.#certificate;
    let next: Certificate;
    try {
      next = readCertificate(this.#files);
    } catch (error) {
      if (error instanceof CertificateError) return { kind: 'refused', why: error.message, expiresAt };
      throw error;
    }
    if (next.digest === digest) return { kind: 'unchanged', expiresAt };
    const why = outsideValidity(next, now);
    if (why !== undefined) {
      if (now < next.notBefore) this.#validFrom = next.notBefore;
      return { kind: 'refused', why, expiresAt };
    }
    this.#certificate = next;
    return { kind: 'reloaded', expiresAt: next.expiresAt };
  }

  /**
   * Reads the files again if they have changed since the last look, whatever came of that, or if what they hold has become
   * valid; else `undefined`.
   */
  reloadIfChanged(now: UnixSeconds): CertificateReload | undefined {
    return stateOf(this.#files) === this.#seen && now < this.#validFrom ? undefined : this.reload(now);
  }
}

/** Changes whenever a file is replaced or written to. */
function stateOf({ certificateFile, keyFile }: CertificateFiles): string {
  return `${stateOfFile(certificateFile)}\n${stateOfFile(keyFile)}`;
}

function stateOfFile(file: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CertificateError(`the ${what} file ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** The reasons that OpenSSL gives may quote the file, so they are not passed on. */
function parse<T>(read: () => T, complaint: string): T {
  try {
    return read();
  } catch {
    throw new CertificateError(complaint);
  }
}
