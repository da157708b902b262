import { readFileSync } from 'node:fs';
import type { TransportAddress } from '../stun/ip-address.ts';
import { LoadLoop } from './load-loop.ts';
import { writeStamp } from './stamp.ts';
import type { PeerOrders, PeerReady } from './station-orders.ts';
import { fromText, type TextAddress } from './text-address.ts';
import type { Wire } from './wire.ts';

/** The peer's side: a sink, an echo, or a source that sends to relayed addresses. */
export class PeerStation implements PeerOrders {
  readonly loop: LoadLoop;
  readonly #wire: Wire;
  readonly #socket: number;
  readonly #host: string;
  #targets: readonly TransportAddress[] = [];
  #echoes = false;

  private constructor(wire: Wire, socket: number, host: string) {
    this.#wire = wire;
    this.#socket = socket;
    this.#host = host;
    this.loop = new LoadLoop(wire, {
      tick: () => {},
      // One socket has all the packets in a row, and those to different addresses are never joined.
      separateRounds: (lanes) => lanes === 1,
      emit: ({ size }, run, lane, sequence, now) => {
        writeStamp(wire.bytes, wire.at, run, lane, sequence, now);
        wire.send(socket, size, this.#targets[lane]!);
        return true;
      },
    });
    wire.onMessage = (_socket, buffer, start, end, from) => {
      if (!this.#echoes) return this.loop.arrived(buffer, start, end);
      buffer.copy(wire.bytes, wire.at, start, end);
      wire.send(socket, end - start, from);
    };
  }

  /** Opens the peer's socket on a wire of its own. */
  static async open(wire: Wire, host: string): Promise<PeerStation | Error> {
    const socket = await wire.open();
    return typeof socket === 'number' ? new PeerStation(wire, socket, host) : socket;
  }

  async ready(): Promise<PeerReady> {
    return { host: this.#host, port: this.#wire.localPort(this.#socket), machine: thisMachine() };
  }

  async processorMicroseconds(): Promise<number> {
    const { user, system } = process.cpuUsage();
    return user + system;
  }

  async targets(targets: readonly TextAddress[]): Promise<void> {
    this.#targets = targets.map(fromText);
  }

  async echo(on: boolean): Promise<void> {
    this.#echoes = on;
  }

  send: PeerOrders['send'] = (plan) => this.loop.send(plan);
  watch: PeerOrders['watch'] = async (watch) => this.loop.watch(watch);
  arrivals: PeerOrders['arrivals'] = async () => this.loop.arrivals();
}

/** What tells one machine from another: latencies can be measured between stations that share a clock. */
export function thisMachine(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
