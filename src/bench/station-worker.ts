/** The thread of a station. */
import { parentPort, workerData } from 'node:worker_threads';
import { ClientStation } from './client-station.ts';
import { openUdpWire } from './open-wire.ts';
import { PeerStation } from './peer-station.ts';
import { runStation } from './run-station.ts';
import type { ClientStationOptions } from './station-orders.ts';
import { StreamWire } from './stream-wire.ts';
import { fromText } from './text-address.ts';
import { ThreadChannel } from './thread-channel.ts';
import type { Wire } from './wire.ts';

export type StationWorkerData =
  | { readonly role: 'clients'; readonly options: ClientStationOptions }
  | { readonly role: 'peer'; readonly host: string };

const data = workerData as StationWorkerData;
const channel = new ThreadChannel(parentPort!);
const station =
  data.role === 'clients' ? clientStation(data.options) : await PeerStation.open(openUdpWire(data.host), data.host);
if (station instanceof Error) throw station;
await runStation(channel, station);

function clientStation(options: ClientStationOptions): ClientStation {
  const server = fromText(options.server);
  const { localHost, transport } = options;
  return new ClientStation(wireTo(options), { server, localHost, reliable: transport !== 'udp' });
}

function wireTo({ server, transport, serverName, trusted, localHost }: ClientStationOptions): Wire {
  if (transport === 'udp') return openUdpWire(localHost);
  if (transport === 'tcp') return new StreamWire(fromText(server), { kind: 'tcp' });
  return new StreamWire(fromText(server), { kind: 'tls', serverName, ...(trusted !== undefined && { trusted }) });
}
