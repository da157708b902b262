import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { inside } from '../interop/inside-namespace.ts';
import { NetworkNamespace } from '../interop/network-namespaces.ts';
import { type TracedPacket, traceToText } from './trace.ts';

/** Bits a second of payload from a time on. */
type Schedule = readonly { readonly fromMs: number; readonly bitsPerSecond: number }[];

interface Recording {
  readonly name: string;
  readonly schedule: Schedule;
  readonly durationMs: number;
  /** Of the sender's `tc tbf`. */
  readonly rate: string;
  /** What else happens, and when. */
  readonly event?: { readonly atMs: number; readonly happens: (network: Network) => void };
  /** A rule of `nft` on the receiver's side. */
  readonly drop?: string;
}

const RECORDINGS: readonly Recording[] = [
  {
    name: 'tbf-5mbit',
    rate: '5mbit',
    schedule: [
      { fromMs: 0, bitsPerSecond: 3e6 },
      { fromMs: 1000, bitsPerSecond: 6e6 },
      { fromMs: 2000, bitsPerSecond: 3e6 },
    ],
    durationMs: 3500,
  },
  {
    name: 'step-down',
    rate: '8mbit',
    schedule: [
      { fromMs: 0, bitsPerSecond: 4e6 },
      { fromMs: 1900, bitsPerSecond: 1.5e6 },
    ],
    durationMs: 3500,
    event: { atMs: 1500, happens: (network) => network.limit('change', '3mbit') },
  },
  {
    name: 'competing-flow',
    rate: '5mbit',
    schedule: [
      { fromMs: 0, bitsPerSecond: 4e6 },
      { fromMs: 1900, bitsPerSecond: 1.5e6 },
    ],
    durationMs: 3500,
    event: { atMs: 1000, happens: (network) => network.compete(2e6) },
  },
  {
    name: 'two-percent-drop',
    rate: '5mbit',
    schedule: [{ fromMs: 0, bitsPerSecond: 3e6 }],
    durationMs: 3500,
    drop: 'udp dport 4000 numgen random mod 100 < 2 drop',
  },
];

export const TRACE_PACKET_BYTES = 1200;
const PORT = 4000;

/** Records every trace into `traces/`. */
export async function recordTraces(): Promise<void> {
  for (const recording of RECORDINGS) {
    const network = new Network();
    try {
      const packets = await record(network, recording);
      writeFileSync(join(import.meta.dirname, 'traces', `${recording.name}.csv`), traceToText(packets));
    } finally {
      network.remove();
    }
  }
}

async function record(network: Network, recording: Recording): Promise<readonly TracedPacket[]> {
  network.limit('add', recording.rate);
  if (recording.drop !== undefined) network.drop(recording.drop);
  const { sender, receiver } = await network.sockets();
  const sent: number[] = [];
  const received = new Map<number, number>();
  receiver.on('message', (message) => received.set(message.readUInt32BE(0), performance.now()));
  const startMs = performance.now();
  let happened = false;
  let credit = 0;
  let lastMs = startMs;
  for (let nowMs = startMs; nowMs - startMs < recording.durationMs; nowMs = performance.now()) {
    const { event } = recording;
    if (event !== undefined && !happened && nowMs - startMs >= event.atMs) {
      happened = true;
      event.happens(network);
    }
    const { bitsPerSecond } = recording.schedule.findLast(({ fromMs }) => nowMs - startMs >= fromMs)!;
    credit += ((nowMs - lastMs) * bitsPerSecond) / 8000;
    lastMs = nowMs;
    for (; credit >= TRACE_PACKET_BYTES; credit -= TRACE_PACKET_BYTES) {
      const message = Buffer.alloc(TRACE_PACKET_BYTES);
      message.writeUInt32BE(sent.length, 0);
      sent.push(performance.now());
      sender.send(message, PORT, network.receiverAddress);
    }
    await sleep(1);
  }
  await sleep(1000);
  return sent.map((sentAtMs, i) => ({ sentAtMs: sentAtMs - startMs, receivedAtMs: shifted(received.get(i), startMs) }));
}

function shifted(atMs: number | undefined, startMs: number): number | undefined {
  return atMs === undefined ? undefined : atMs - startMs;
}

/** Two machines and a cable between them, limited on the sender's side. */
export class Network {
  readonly receiverAddress = '10.78.0.2';
  readonly #sender = new NetworkNamespace();
  readonly #receiver = new NetworkNamespace();
  readonly #sockets: Socket[] = [];
  #competing: NodeJS.Timeout | undefined;

  constructor() {
    this.#sender.connect({ device: 'eth0', addresses: ['10.78.0.1/24'] }, this.#receiver, {
      device: 'eth0',
      addresses: [`${this.receiverAddress}/24`],
    });
  }

  limit(verb: 'add' | 'change', rate: string): void {
    const bucket = ['rate', rate, 'burst', '15kb', 'latency', '400ms'];
    this.#sender.run('tc', ['qdisc', verb, 'dev', 'eth0', 'root', 'tbf', ...bucket]);
  }

  drop(rule: string): void {
    const lines = ['table ip f {', 'chain in {', 'type filter hook input priority 0', rule, '}', '}', ''];
    this.#receiver.run('nft', ['-f', '-'], lines.join('\n'));
  }

  /** Starts another flow from the sender, which goes on to the end. */
  compete(bitsPerSecond: number): void {
    const message = Buffer.alloc(TRACE_PACKET_BYTES);
    let credit = 0;
    let lastMs = performance.now();
    this.#competing = setInterval(() => {
      const nowMs = performance.now();
      credit += ((nowMs - lastMs) * bitsPerSecond) / 8000;
      lastMs = nowMs;
      for (; credit >= message.length; credit -= message.length) {
        this.#sockets[0]!.send(message, PORT + 1, this.receiverAddress);
      }
    }, 1);
  }

  async sockets(): Promise<{ readonly sender: Socket; readonly receiver: Socket }> {
    const sender = await inside(this.#sender, () => bound(0));
    const receiver = await inside(this.#receiver, () => bound(PORT));
    const other = await inside(this.#receiver, () => bound(PORT + 1));
    this.#sockets.push(sender, receiver, other);
    return { sender, receiver };
  }

  remove(): void {
    clearInterval(this.#competing);
    for (const socket of this.#sockets) socket.close();
    this.#sender.remove();
    this.#receiver.remove();
  }
}

async function bound(port: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4_000_000 });
  socket.bind(port, '0.0.0.0');
  await once(socket, 'listening');
  return socket;
}
