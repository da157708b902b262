/** Starts the stations of a load test, each in a thread or process of its own. */
import { spawn } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { type Channel, type Orders, Remote } from './channel.ts';
import { LineChannel } from './line-channel.ts';
import type { LoadProgress } from './load-loop.ts';
import type { ClientOrders, ClientStationOptions, PeerOrders, ProgressMessage } from './station-orders.ts';
import type { StationWorkerData } from './station-worker.ts';
import { ThreadChannel } from './thread-channel.ts';

/** Where the peer's side runs. */
export type PeerPlace =
  /** In a thread of this process, at this address. */
  | { readonly kind: 'here'; readonly host: string }
  /** In a process that this command starts, which speaks over its standard input and output. */
  | { readonly kind: 'command'; readonly command: string };

/** A station under way. */
export interface Station<T extends Orders<T>> {
  readonly orders: Remote<T>;
  /** What it has last said about how far it is. */
  readonly progress: LoadProgress;
  stop(): Promise<void>;
}

export function startClients(options: ClientStationOptions): Station<ClientOrders> {
  return startThread({ role: 'clients', options });
}

export function startPeer(place: PeerPlace): Station<PeerOrders> {
  return place.kind === 'here' ? startThread({ role: 'peer', host: place.host }) : startProcess(place.command);
}

function startThread<T extends Orders<T>>(workerData: StationWorkerData): Station<T> {
  const worker = new Worker(new URL('./station-worker.js', import.meta.url), { workerData });
  return station(new ThreadChannel(worker), async () => {
    await worker.terminate();
  });
}

function startProcess(command: string): Station<PeerOrders> {
  const child = spawn(command, { shell: true, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  return station(new LineChannel(child.stdout, child.stdin), () => {
    // It ends when its input does.
    child.stdin.end();
    return ended;
  });
}

function station<T extends Orders<T>>(channel: Channel, stop: () => Promise<void>): Station<T> {
  const orders = new Remote<T>(channel);
  let progress: LoadProgress = { sent: 0, delivered: 0 };
  orders.onOther = (message) => {
    progress = (message as ProgressMessage).progress;
  };
  return {
    orders,
    get progress() {
      return progress;
    },
    stop,
  };
}
