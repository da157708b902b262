import { BatchPlane } from '../../src/relay/batch/batch-plane.ts';
import { ArrivalBuffer } from '../../src/relay/dgram/arrival-buffer.ts';
import { DgramPlane } from '../../src/relay/dgram/dgram-plane.ts';
import type { OpenPlane } from '../../src/relay/relay-plane.ts';
import { SystemCallError } from '../../src/syscalls/datagram-sockets.ts';
import { loadSyscalls } from '../../src/syscalls/load.ts';

/** One data plane, and what has to be known of it to test it like the others. */
export interface PlaneAdapter {
  readonly name: string;
  /** Why it cannot run on this machine. */
  readonly unavailable?: string;
  /** Whether it knows and sets TTL and Traffic Class, and hears of ICMP errors. */
  readonly headerFields: boolean;
  readonly icmp: boolean;
  readonly open: OpenPlane;
  /** Lets it do what it has to do, without waiting, where it needs to be told. */
  readonly work?: (plane: ReturnType<OpenPlane>) => void;
}

const dgram: PlaneAdapter = {
  name: 'dgram',
  headerFields: false,
  icmp: false,
  open: (events) => new DgramPlane(events, new ArrivalBuffer()),
};

const libc = loadSyscalls();

const batch: PlaneAdapter = {
  name: 'batch',
  ...(typeof libc === 'string' && { unavailable: libc }),
  headerFields: true,
  icmp: true,
  open: (events) => {
    const plane = typeof libc === 'string' ? libc : BatchPlane.open(libc, events, { seed: 1 });
    if (typeof plane === 'string' || plane instanceof SystemCallError) throw new Error(`no plane: ${plane}`);
    return plane;
  },
  work: (plane) => (plane as BatchPlane).turn(0),
};

export const adapters: readonly PlaneAdapter[] = [dgram, batch];
