import { randomInt } from 'node:crypto';
import { UdpListener } from '../listeners/udp-listener.ts';
import { BatchPlane } from '../relay/batch/batch-plane.ts';
import { ArrivalBuffer } from '../relay/dgram/arrival-buffer.ts';
import { DgramPlane } from '../relay/dgram/dgram-plane.ts';
import type { OpenPlane } from '../relay/relay-plane.ts';
import type { TransportAddress } from '../stun/ip-address.ts';
import { SystemCallError } from '../syscalls/datagram-sockets.ts';
import type { Libc } from '../syscalls/libc.ts';
import { now } from './system-time.ts';
import { TurnHost, type TurnHostEvents, type TurnHostOptions } from './turn-host.ts';

const LONGEST_TIMER_MS = 60_000;

/** What a host on an event loop tells besides. */
export interface EventLoopHostEvents extends TurnHostEvents {
  /** A listening socket broke. */
  listenerLost(listener: UdpListener, error: Error): void;
}

/** A {@link TurnHost} that lives on Node's event loop: for clients over TCP and TLS, and on the dgram plane for all. */
export class EventLoopHost extends TurnHost {
  /** Holds the one packet that is being worked on. */
  readonly buffer: ArrivalBuffer;
  readonly #lost: EventLoopHostEvents['listenerLost'];
  readonly #stopWatching: (() => void) | undefined;
  readonly #batch: BatchPlane | undefined;
  #flush: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /**
   * @param libc where the batch plane is to be used.
   * @throws SystemCallError when the plane cannot be opened.
   */
  constructor(options: TurnHostOptions, libc: Libc | undefined, events: EventLoopHostEvents) {
    const buffer = new ArrivalBuffer();
    const openPlane: OpenPlane = (planeEvents) =>
      libc === undefined ? new DgramPlane(planeEvents, buffer) : openBatchPlane(libc, planeEvents);
    super(options, openPlane, { ...events, settled: () => this.#settled() });
    this.buffer = buffer;
    this.#lost = events.listenerLost;
    if (this.plane instanceof BatchPlane) {
      const batch = this.plane;
      this.#batch = batch;
      this.#stopWatching = libc!.whenReadable(batch.descriptor, () => batch.turn(0));
    }
  }

  /** Takes in clients on a UDP socket at this address; rejects with the system's error when it cannot be opened. */
  async listenUdp(at: TransportAddress, zone?: string): Promise<UdpListener> {
    const events = {
      ...this.listenerEvents,
      lost: (lost: UdpListener, error: Error) => {
        this.forget(lost);
        this.#lost(lost, error);
      },
    };
    const listener = await UdpListener.open(this.takeListenerId(), at, this.buffer, events, zone);
    this.add(listener);
    return listener;
  }

  override stop(): void {
    this.#stopWatching?.();
    super.stop();
    clearTimeout(this.#timer);
    clearImmediate(this.#flush);
  }

  #settled(): void {
    if (this.server.nextDeadline < this.#timerAt) this.#armTimer();
    if (this.#batch?.isPending && this.#flush === undefined) {
      // What several messages of clients came to leaves together, when all of them have been read.
      this.#flush = setImmediate(() => {
        this.#flush = undefined;
        this.#batch!.turn(0);
      });
    }
  }

  #armTimer(): void {
    clearTimeout(this.#timer);
    this.#timerAt = this.server.nextDeadline;
    const delay = Math.min(LONGEST_TIMER_MS, Math.max(1, Math.ceil(this.#timerAt - now())));
    this.#timer = setTimeout(() => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.advance();
    }, delay).unref();
  }
}

function openBatchPlane(libc: Libc, events: Parameters<OpenPlane>[0]): BatchPlane {
  const plane = BatchPlane.open(libc, events, { seed: randomInt(2 ** 32) });
  if (plane instanceof SystemCallError) throw plane;
  return plane;
}
