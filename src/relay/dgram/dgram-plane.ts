import type { RelayedAddress } from '../../turn/allocation.ts';
import { newPlaneCounts } from '../../turn/counters.ts';
import type { Departure } from '../../turn/packet.ts';
import type { PlaneCounters, RelayPlane, RelayPlaneEvents } from '../relay-plane.ts';
import type { ArrivalBuffer } from './arrival-buffer.ts';
import { DatagramSocket } from './datagram-socket.ts';
import { fitsWithoutFragments, setsDontFragment } from './fragmentation.ts';

/**
 * The portable plane: one `node:dgram` socket for each relayed address. Node tells neither TTL nor Traffic Class nor ICMP
 * errors and cannot set them for a packet, so packets leave with the system's defaults (RFC 8656 §14, alternate behavior).
 */
export class DgramPlane implements RelayPlane {
  readonly name = 'dgram';
  readonly dontFragment = setsDontFragment();
  readonly #counters = newPlaneCounts();
  readonly #events: RelayPlaneEvents;
  readonly #buffer: ArrivalBuffer;
  readonly #sockets = new Map<RelayedAddress, DatagramSocket>();

  /** @param buffer holds the one packet that is being worked on; the client listeners share it. */
  constructor(events: RelayPlaneEvents, buffer: ArrivalBuffer) {
    this.#events = events;
    this.#buffer = buffer;
  }

  get counters(): PlaneCounters {
    return this.#counters;
  }

  open(relayedAddress: RelayedAddress): void {
    let open = false;
    const socket = new DatagramSocket(relayedAddress.local, {
      listening: () => {
        open = true;
        this.#events.opened(relayedAddress);
      },
      error: (error) => {
        this.#sockets.delete(relayedAddress);
        if (open) this.#events.lost(relayedAddress, error.message);
        else
          this.#events.failed(
            relayedAddress,
            error.code === 'EADDRINUSE' ? 'port-in-use' : 'unavailable',
            error.message,
          );
      },
      message: (bytes, from) => {
        if (!this.#buffer.load(bytes, from)) return;
        this.#counters.received++;
        this.#events.received(relayedAddress, this.#buffer.arrival);
      },
      sent: () => this.#counters.sent++,
      undelivered: this.#events.undelivered,
    });
    this.#sockets.set(relayedAddress, socket);
  }

  close(relayedAddress: RelayedAddress): void {
    this.#sockets.get(relayedAddress)?.close();
    this.#sockets.delete(relayedAddress);
  }

  transmit(departure: Departure): void {
    const { relayedAddress, buffer, start, end, peer, port } = departure;
    const socket = relayedAddress && this.#sockets.get(relayedAddress);
    if (socket === undefined) {
      this.#events.undelivered('send-failed', 'no socket');
      return;
    }
    if (departure.dontFragment && !fitsWithoutFragments(relayedAddress!.local.ip, end - start)) {
      this.#events.undelivered('would-fragment', undefined);
      return;
    }
    if (socket.send(buffer, start, end, peer.text, port)) this.#buffer.renew();
  }

  // Every packet comes through the process here, so a channel needs no installing and nothing is ever forwarded.
  bindChannel(): void {}
  unbindChannel(): undefined {}
  forwarded(): undefined {}

  stop(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
}
