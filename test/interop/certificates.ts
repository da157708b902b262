/** Certificates made for one test with openssl. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

export interface CertificateWishes {
  /** Such as `DNS:localhost` or `IP:127.0.0.1`. */
  readonly names?: readonly string[];
  /** Lifetime from now; a certificate with a negative one has expired. */
  readonly days?: number;
  /** Signs it with its own key in place of the authority's. */
  readonly selfSigned?: boolean;
}

/** A certificate authority in a directory of its own. */
export class CertificateAuthority {
  readonly directory = mkdtempSync(join(tmpdir(), 'taciturn-ca-'));
  /** What those who trust this authority are given. */
  readonly caFile = join(this.directory, 'ca.pem');
  #count = 0;

  constructor() {
    this.#openssl('req', '-x509', '-days', '30', '-subj', '/CN=Test authority', ...newKey('ca.key'), '-out', 'ca.pem');
  }

  get ca(): string {
    return readFileSync(this.caFile, 'utf8');
  }

  issue({
    names = ['IP:127.0.0.1', 'DNS:localhost'],
    days = 30,
    selfSigned = false,
  }: CertificateWishes = {}): Certificate {
    const name = `server${this.#count++}`;
    const files = { certFile: join(this.directory, `${name}.pem`), keyFile: join(this.directory, `${name}.key`) };
    writeFileSync(join(this.directory, 'extensions'), `subjectAltName=${names.join(',')}\n`);
    this.#openssl('req', '-new', '-subj', `/CN=${name}`, ...newKey(`${name}.key`), '-out', 'request');
    const signer = selfSigned ? ['-signkey', `${name}.key`] : ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
    const signing = ['-in', 'request', '-days', String(days), '-extfile', 'extensions', '-out', `${name}.pem`];
    this.#openssl('x509', '-req', ...signer, ...signing);
    return { ...files, cert: readFileSync(files.certFile, 'utf8'), key: readFileSync(files.keyFile, 'utf8') };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.directory, stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

function newKey(file: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file];
}
