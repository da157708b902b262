import type { Channel } from './channel.ts';

/** What a `Worker` and the `parentPort` inside have in common. */
interface Port {
  postMessage(message: unknown): void;
  on(event: string, listener: (value: unknown) => void): unknown;
}

/** A channel between a thread and the one that started it; either end. */
export class ThreadChannel implements Channel {
  onMessage: Channel['onMessage'] = () => {};
  onEnd: Channel['onEnd'] = () => {};
  readonly #port: Port;

  constructor(port: Port) {
    this.#port = port;
    port.on('message', (message) => this.onMessage(message));
    port.on('error', (error) => this.onEnd((error as Error).message));
    port.on('exit', () => this.onEnd('its thread ended'));
  }

  post(message: unknown): void {
    this.#port.postMessage(message);
  }
}
