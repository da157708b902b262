import { type Channel, serve } from './channel.ts';
import type { LoadLoop } from './load-loop.ts';
import type { ProgressMessage, StationOrders } from './station-orders.ts';

const PROGRESS_EVERY_MS = 200;

/** Runs a station that is told what to do over a channel, until that ends. */
export async function runStation<T extends StationOrders & { readonly loop: LoadLoop }>(
  channel: Channel,
  station: T,
): Promise<void> {
  serve(channel, station as StationOrders);
  const timer = setInterval(() => {
    channel.post({ progress: station.loop.progress } satisfies ProgressMessage);
  }, PROGRESS_EVERY_MS);
  channel.onEnd = () => station.loop.stop();
  await station.loop.run();
  clearInterval(timer);
}
