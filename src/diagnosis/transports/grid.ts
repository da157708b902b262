import type { TransportReport } from '../../nat/report.ts';
import { formatTransportAddress, type IpAddress } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';
import type { DiagnosisNetwork } from '../network.ts';
import { sleep, within } from '../waiting.ts';
import type { Attempt, AttemptResult } from './attempt.ts';
import { attemptTcp, attemptTls } from './attempt-stream.ts';
import { attemptUdp } from './attempt-udp.ts';
import { attemptsAt, type GridHost } from './plan.ts';

/** Attempts under way at once, and how far apart those at one host begin. */
const CONCURRENCY = 48;
const SPACING_MS = 75;

/** One cell of the grid. */
export interface Cell extends Attempt {
  readonly result: AttemptResult;
  readonly elapsedMs: number;
}

const attempts = { udp: attemptUdp, tcp: attemptTcp, tls: attemptTls } as const;

/**
 * Tries each host of one family at each port over each transport.
 *
 * @param deadline when it must be over, on the clock of the network; what is not tried by then is `not-tested`.
 */
export async function tryTransports(
  network: DiagnosisNetwork,
  hosts: readonly GridHost[],
  deadline: number,
): Promise<Cell[]> {
  const slots = new Slots(CONCURRENCY);
  const cells = hosts.map((host) =>
    Promise.all(
      attemptsAt(host).map((attempt, place) => runAttempt(network, slots, attempt, place * SPACING_MS, deadline)),
    ),
  );
  return settle((await Promise.all(cells)).flat());
}

async function runAttempt(
  network: DiagnosisNetwork,
  slots: Slots,
  attempt: Attempt,
  delayMs: number,
  deadline: number,
): Promise<Cell> {
  const { clock } = network;
  await sleep(clock, Math.min(delayMs, deadline - clock.now()));
  await slots.take();
  const startedAt = clock.now();
  const result =
    startedAt >= deadline
      ? outOfTime
      : await within(clock, deadline - startedAt, attempts[attempt.transport](network, attempt), outOfTime);
  slots.give();
  return { ...attempt, result, elapsedMs: clock.now() - startedAt };
}

const outOfTime: AttemptResult = { outcome: 'not-tested', detail: 'There was no time left for it.' };

/** What is there at one port shows over another transport: a port for TLS does not speak plain STUN, nor the other way round. */
function settle(cells: readonly Cell[]): Cell[] {
  const key = ({ server, transport }: Attempt, other = transport) => `${other} ${formatTransportAddress(server)}`;
  const all = new Map(cells.map((cell) => [key(cell), cell]));
  return cells.map((cell) => {
    const { mayBeOtherwise } = cell.result;
    if (!mayBeOtherwise) return cell;
    const isTls = cell.transport === 'tls';
    const other = all.get(key(cell, isTls ? 'tcp' : 'tls'))?.result;
    if (other?.outcome !== 'open') return cell;
    const detail = isTls
      ? 'What is there speaks STUN without TLS.'
      : 'What is there speaks TLS, so plain STUN cannot be tried.';
    return { ...cell, result: { ...cell.result, outcome: 'not-tested', detail } };
  });
}

/** A cell as the diagnosis reports it. */
export function toReport({ server, host, transport, result, elapsedMs }: Cell): TransportReport {
  return {
    family: server.ip.family === AddressFamily.ipv4 ? 'ipv4' : 'ipv6',
    transport,
    server: host,
    port: server.port,
    outcome: result.outcome,
    detail: result.detail,
    elapsedMs,
  };
}

/** The addresses under which servers saw this host, each once. */
export function mappedAddresses(cells: readonly Cell[], family: AddressFamily): IpAddress[] {
  const mapped = cells.flatMap(({ result }) => (result.mapped?.family === family ? result.mapped : []));
  return [...new Map(mapped.map((ip) => [ip.text, ip])).values()];
}

/** Lets so many through at once, the others in the order in which they came. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  take(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
