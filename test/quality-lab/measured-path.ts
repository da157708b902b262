import { randomBytes } from 'node:crypto';
import { systemClock } from '../../src/client/clock.ts';
import type { ClientTransport } from '../../src/client/open-socket.ts';
import { diagnosticRetransmission } from '../../src/client/retransmission.ts';
import type { TurnAllocation } from '../../src/client/turn-allocation.ts';
import { openTurnClient, type TurnClient } from '../../src/client/turn-client.ts';
import { measureQuality } from '../../src/quality/measure.ts';
import type { QualityReport } from '../../src/quality/report.ts';
import type { TransportAddress } from '../../src/stun/ip-address.ts';
import { alice, type Credentials } from '../interop/relay-client.ts';

/** Two allocations at a server over real sockets, with permissions and channels for each other. */
export class MeasuredPath {
  readonly #clients: readonly TurnClient[];
  readonly #near: TurnAllocation;
  readonly #far: TurnAllocation;

  private constructor(clients: readonly TurnClient[], near: TurnAllocation, far: TurnAllocation) {
    this.#clients = clients;
    this.#near = near;
    this.#far = far;
  }

  /** Opens both; the sockets belong to the network namespace that this thread is in. */
  static async open(
    server: TransportAddress,
    transport: ClientTransport = { kind: 'udp' },
    credentials: Credentials = alice,
  ): Promise<MeasuredPath> {
    const [first, second] = [
      await allocate(server, transport, credentials),
      await allocate(server, transport, credentials),
    ];
    const path = new MeasuredPath([first[0], second[0]], first[1], second[1]);
    for (const [one, other] of [
      [path.#near, path.#far],
      [path.#far, path.#near],
    ] as const) {
      expectOk(await one.bindChannel(other.relayedAddress));
    }
    return path;
  }

  measure(durationMs: number, maxBitsPerSecond: number): Promise<QualityReport> {
    const options = { clock: systemClock, random: randomBytes, durationMs, maxBitsPerSecond };
    return measureQuality(this.#near, this.#far, options);
  }

  close(): void {
    for (const allocation of [this.#near, this.#far]) allocation.abandon();
    for (const client of this.#clients) client.close();
  }
}

async function allocate(
  server: TransportAddress,
  transport: ClientTransport,
  credentials: Credentials,
): Promise<readonly [TurnClient, TurnAllocation]> {
  const options = { server, transport, credentials, retransmission: diagnosticRetransmission() };
  const client = expectOk(await openTurnClient(options));
  return [client, expectOk(await client.allocate())];
}

function expectOk<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown },
): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}
