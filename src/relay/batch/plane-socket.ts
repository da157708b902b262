import type { AddressFamily } from '../../stun/protocol.ts';
import { SendQueue } from '../../syscalls/outbox.ts';
import type { RelayedAddress } from '../../turn/allocation.ts';
import type { BatchListener } from './batch-listener.ts';

/** A socket that the plane waits for: of a relayed address, or one on which clients arrive. */
export class PlaneSocket extends SendQueue {
  readonly family: AddressFamily;
  readonly relayedAddress: RelayedAddress | undefined;
  readonly listener: BatchListener | undefined;
  /** How many packets the kernel had dropped here when it was last asked. */
  overflows = 0;

  constructor(
    descriptor: number,
    family: AddressFamily,
    relayedAddress: RelayedAddress | undefined,
    listener: BatchListener | undefined,
  ) {
    super(descriptor);
    this.family = family;
    this.relayedAddress = relayedAddress;
    this.listener = listener;
  }
}
