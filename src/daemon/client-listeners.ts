import type { Configuration } from '../config/settings.ts';
import type { UdpListener } from '../listeners/udp-listener.ts';
import { formatTransportAddress, type IpAddress, type TransportAddress } from '../stun/ip-address.ts';
import type { Log } from '../telemetry/log.ts';
import { listenAddresses } from './addresses.ts';
import { StartError } from './start-error.ts';
import type { TurnHost } from './turn-host.ts';

const RESCAN_MS = 10_000;

/** Keeps a UDP listener on every address that there is to listen on, also as addresses come and go. */
export class ClientListeners {
  readonly #host: TurnHost;
  readonly #configuration: Configuration;
  readonly #log: Log;
  readonly #changed: () => void;
  readonly #byAddress = new Map<string, UdpListener>();
  #port: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param changed called when a listener has come or gone. */
  constructor(host: TurnHost, configuration: Configuration, log: Log, changed: () => void) {
    this.#host = host;
    this.#configuration = configuration;
    this.#log = log;
    this.#changed = changed;
    this.#port = configuration.listen.port;
  }

  /** Where clients are taken in. */
  get addresses(): readonly TransportAddress[] {
    return [...this.#byAddress.values()].map(({ local }) => local);
  }

  get count(): number {
    return this.#byAddress.size;
  }

  /** @throws StartError when an address cannot be listened on. */
  async start(): Promise<void> {
    const addresses = listenAddresses(this.#configuration);
    for (const ip of addresses) {
      try {
        await this.#open(ip);
      } catch (error) {
        throw new StartError(this.#explain(ip, error as NodeJS.ErrnoException));
      }
    }
    if (this.count === 0) throw new StartError('This machine has no address to listen on. Set listen.addresses.');
    this.#timer = setInterval(() => void this.#rescan(), RESCAN_MS).unref();
  }

  /** A listener broke; it is tried again with the next look at the addresses. */
  lost(listener: UdpListener, error: Error): void {
    this.#byAddress.delete(listener.local.ip.text);
    this.#log.warn(
      { event: 'listener-lost', why: error.message },
      `no longer listening on ${formatTransportAddress(listener.local)}`,
    );
    this.#changed();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #open(ip: IpAddress): Promise<void> {
    const listener = await this.#host.listenUdp({ ip, port: this.#port });
    this.#byAddress.set(ip.text, listener);
    // With port 0 the first listener's port becomes everyone's.
    this.#port = listener.local.port;
  }

  async #rescan(): Promise<void> {
    const addresses = listenAddresses(this.#configuration);
    const wanted = new Map(addresses.map((ip) => [ip.text, ip]));
    let changed = false;
    for (const [text, listener] of this.#byAddress) {
      if (wanted.has(text)) continue;
      this.#host.remove(listener);
      this.#byAddress.delete(text);
      this.#log.info({ event: 'listener-closed' }, `${text} is gone; no longer listening there`);
      changed = true;
    }
    for (const [text, ip] of wanted) {
      if (this.#byAddress.has(text)) continue;
      try {
        await this.#open(ip);
        this.#log.info({ event: 'listener-opened' }, `also listening on ${text}`);
        changed = true;
      } catch (error) {
        this.#log.debug({ event: 'listener-failed', why: (error as Error).message }, `cannot listen on ${text}`);
      }
    }
    if (changed) this.#changed();
  }

  #explain(ip: IpAddress, error: NodeJS.ErrnoException): string {
    const place = formatTransportAddress({ ip, port: this.#port });
    switch (error.code) {
      case 'EADDRINUSE':
        return `Cannot listen on UDP ${place}: another program has that port. End it, or choose another listen.port.`;
      case 'EACCES':
        return `Cannot listen on UDP ${place}: ports below 1024 need more rights. Choose a higher listen.port, or give the service CAP_NET_BIND_SERVICE.`;
      case 'EADDRNOTAVAIL':
        return `Cannot listen on UDP ${place}: this machine does not have that address. Correct listen.addresses.`;
      default:
        return `Cannot listen on UDP ${place}: ${error.message}.`;
    }
  }
}
