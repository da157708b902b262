import { LatencyHistogram } from '../../src/bench/latency-histogram.ts';
import { KeepAliveConnection } from './keep-alive-connection.ts';

/** As many as a few back ends with a pool each. */
const CONNECTIONS = 32;

/** Asks a daemon for credentials, over connections that stay open. */
export class IssueLoad {
  /** How many credentials were issued so far. */
  issued = 0;
  readonly #connections: readonly KeepAliveConnection[];
  readonly #requests: readonly string[];
  #next = 0;

  private constructor(connections: readonly KeepAliveConnection[], requests: readonly string[]) {
    this.#connections = connections;
    this.#requests = requests;
  }

  /** @param keys whose turn it is in order. Theirs is a random one, so no two neighbours are near each other in memory. */
  static async open(http: URL, keys: readonly string[]): Promise<IssueLoad> {
    const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => KeepAliveConnection.open(http)));
    return new IssueLoad(
      connections,
      keys.map((key, i) => issueRequest(http, key, `user-${i}`)),
    );
  }

  /**
   * Asks on every connection again as soon as it was answered.
   *
   * @returns how many credentials were issued in how long.
   */
  async flood(durationMs: number): Promise<{ readonly issued: number; readonly ms: number }> {
    const before = this.issued;
    const began = performance.now();
    await Promise.all(
      this.#connections.map(async (connection) => {
        while (performance.now() - began < durationMs) await this.#ask(connection);
      }),
    );
    return { issued: this.issued - before, ms: performance.now() - began };
  }

  /**
   * Asks at a rate, whatever the server does: while all connections are busy, requests wait.
   *
   * @returns the microseconds from when a request was due until its answer was there.
   */
  async atRate(perSecond: number, durationMs: number): Promise<LatencyHistogram> {
    const latencies = new LatencyHistogram();
    const total = Math.round((perSecond * durationMs) / 1000);
    // The one that was idle longest comes first, since a server closes what is idle for seconds.
    const idle = [...this.#connections];
    const began = performance.now();
    const dueAt = (number: number) => began + (number * 1000) / perSecond;
    await new Promise<void>((resolve, reject) => {
      let sent = 0;
      const sendDue = () => {
        while (sent < total && idle.length > 0 && dueAt(sent) <= performance.now()) send(idle.shift()!, sent++);
      };
      const send = (connection: KeepAliveConnection, number: number) => {
        this.#ask(connection).then(
          () => {
            latencies.add((performance.now() - dueAt(number)) * 1000);
            idle.push(connection);
            if (latencies.total === total) finish(resolve);
            else sendDue();
          },
          (error: unknown) => finish(() => reject(error)),
        );
      };
      // As often as timers can be.
      const timer = setInterval(sendDue, 1);
      const finish = (settle: () => void) => {
        clearInterval(timer);
        settle();
      };
    });
    return latencies;
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  #ask(connection: KeepAliveConnection): Promise<void> {
    const request = this.#requests[this.#next++ % this.#requests.length]!;
    return new Promise((resolve, reject) => {
      connection.send(
        request,
        ({ status, body }) => {
          if (status !== 201 || !body.includes('"credential":')) {
            reject(new Error(`POST /v1/credentials was answered with ${status}: ${body}`));
            return;
          }
          this.issued++;
          resolve();
        },
        reject,
      );
    });
  }
}

function issueRequest({ host }: URL, key: string, user: string): string {
  const body = JSON.stringify({ user, label: 'calls', ttlSeconds: 3600 });
  return [
    'POST /v1/credentials HTTP/1.1',
    `Host: ${host}`,
    `Authorization: Bearer ${key}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}
