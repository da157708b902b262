import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { CHANNEL_DATA_HEADER_LENGTH, writeChannelDataHeader } from '../../src/stun/channel-data.ts';
import type { TransportAddress } from '../../src/stun/ip-address.ts';
import { connect } from './relay-client.ts';

export interface FloodOptions {
  /** The ports of loopback that it comes from and goes to. */
  readonly from: number;
  readonly to: number;
  /** What is sent. */
  readonly datagram: Buffer;
}

/** The pauses between bunches of packets, in microseconds, with which a flood rises. */
const PAUSES = [2000, 1000, 500, 250, 120, 60, 30, 0];

const [PAUSE, SENT] = [0, 1];

/** Many times the same datagram, from a thread of its own. */
export class Flood {
  /** The pause, and how many packets it has sent. */
  readonly #control = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker: Worker;
  readonly from: number;

  constructor(options: FloodOptions) {
    this.from = options.from;
    this.#control[PAUSE] = PAUSES[0]!;
    const workerData = { ...options, control: this.#control };
    this.#worker = new Worker(new URL('./flooder.js', import.meta.url), { workerData });
  }

  /** What a client of the server at a port of loopback sends to a peer over a channel. */
  static async ofClient(to: number, peer: TransportAddress, payloadBytes: number): Promise<Flood> {
    const client = await connect(to);
    const allocation = await client.allocate({ lifetimeSeconds: 3600 });
    if (!allocation.ok) throw new Error(JSON.stringify(allocation.error));
    const channel = await allocation.value.bindChannel(peer);
    if (!channel.ok) throw new Error(JSON.stringify(channel.error));
    // The thread's socket takes the place of this one: whoever has the address and port is the client.
    const { port } = client.stun.socket.localAddress;
    allocation.value.abandon();
    client.close();
    const datagram = Buffer.alloc(CHANNEL_DATA_HEADER_LENGTH + payloadBytes);
    writeChannelDataHeader(datagram, 0, channel.value, payloadBytes);
    return new Flood({ from: port, to, datagram });
  }

  /** How many packets have left. */
  get sent(): number {
    return Atomics.load(this.#control, SENT);
  }

  /** Makes it rise until it is too much, or as strong as it gets; what is too much is not the same on every machine. */
  async rise(isTooMuch: () => Promise<boolean>): Promise<void> {
    for (const pause of PAUSES) {
      Atomics.store(this.#control, PAUSE, pause);
      await wait(150);
      if (await isTooMuch()) return;
    }
  }

  async stop(): Promise<void> {
    Atomics.store(this.#control, PAUSE, -1);
    await once(this.#worker, 'exit');
  }
}
