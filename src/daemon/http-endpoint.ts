import { readFileSync } from 'node:fs';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { HttpServiceDependencies } from '../api/dependencies.ts';
import { createHttpService } from '../api/http-service.ts';
import type { Configuration } from '../config/settings.ts';
import { CertificateError, readCertificate } from '../listeners/certificate.ts';
import { formatTransportAddress, IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import { localAddresses } from './addresses.ts';
import { StartError } from './start-error.ts';

/** The HTTP service where it listens. */
export class HttpEndpoint {
  readonly #app: FastifyInstance;
  readonly #settings: Configuration['http'];

  private constructor(app: FastifyInstance, settings: Configuration['http']) {
    this.#app = app;
    this.#settings = settings;
  }

  /** @throws StartError when the address cannot be had, or the certificate not be used. */
  static async start(
    settings: Configuration['http'],
    dependencies: Omit<HttpServiceDependencies, 'tls' | 'trustedProxies'>,
  ): Promise<HttpEndpoint> {
    const app = createHttpService({
      ...dependencies,
      tls: readTls(settings),
      trustedProxies: settings.trustedProxies.map(({ text }) => text),
    });
    try {
      await app.listen({ host: settings.host, port: settings.port });
    } catch (error) {
      throw new StartError(
        `The HTTP service cannot listen on ${settings.host}:${settings.port} (${(error as Error).message}). Choose another http.port, or end the program that has it.`,
      );
    }
    return new HttpEndpoint(app, settings);
  }

  get url(): string {
    const [{ address, port }] = this.#addresses as [AddressInfo];
    const scheme = this.#settings.certificateFile === undefined ? 'http' : 'https';
    return `${scheme}://${formatTransportAddress({ ip: IpAddress.parse(address)!, port })}`;
  }

  /** Every address and port that leads to it. */
  get services(): TransportAddress[] {
    return this.#addresses.flatMap(({ address, port }) => {
      const everywhere = address === '0.0.0.0' || address === '::';
      const ips = everywhere ? localAddresses() : [IpAddress.parse(address)!];
      return ips.map((ip) => ({ ip, port }));
    });
  }

  /** Reads the certificate again; new connections get the new one. Why it is not used, or `undefined`. */
  reloadCertificate(): string | undefined {
    try {
      const tls = readTls(this.#settings);
      if (tls !== undefined)
        (this.#app.server as unknown as Server).setSecureContext({ ...tls, cert: tls.certificate });
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  async close(): Promise<void> {
    await this.#app.close();
  }

  /** Fastify also tells of pipes, which we do not use. */
  get #addresses(): AddressInfo[] {
    return this.#app.addresses().filter((address): address is AddressInfo => typeof address !== 'string');
  }
}

/** The certificate in PEM, once it is known to be good. */
function readTls({ certificateFile, keyFile }: Configuration['http']): HttpServiceDependencies['tls'] {
  if (certificateFile === undefined || keyFile === undefined) return undefined;
  try {
    readCertificate({ certificateFile, keyFile });
    return { certificate: readFileSync(certificateFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    throw new StartError(`HTTPS cannot be offered: ${error.message}. Correct http.certificateFile and http.keyFile.`);
  }
}
