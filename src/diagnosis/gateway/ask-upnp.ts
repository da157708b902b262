import { type IpAddress, sameAddress, type TransportAddress } from '../../stun/ip-address.ts';
import type { DiagnosisNetwork } from '../network.ts';
import type { RouterAnswer, RouterQuestion } from './router-answer.ts';
import { type DeviceUrl, ownUrl, readSsdp, ssdpGroup, ssdpSearches } from './ssdp.ts';
import {
  type ConnectionService,
  externalAddressHeaders,
  externalAddressRequest,
  readDescription,
  readExternalAddress,
} from './upnp.ts';

/** Devices answer within the second that the search allows them, routers mostly at once. */
const sendsAtMs = [0, 250] as const;
const SEARCH_MS = 1250;
const HTTP_MS = 1000;
/** Device descriptions have a few kilobytes. */
const MAX_BYTES = 65_536;
/** More routers than these are not asked. */
const MAX_ROUTERS = 4;

/** Looks for routers with UPnP and asks them for their external address. No mapping is made. */
export async function askUpnp(network: DiagnosisNetwork, question: RouterQuestion): Promise<RouterAnswer[]> {
  const found = await search(network, question);
  const answers = await Promise.all(found.map((device) => askDevice(network, device)));
  return answers.filter((answer) => answer !== undefined);
}

interface Device {
  readonly router: IpAddress;
  readonly description: DeviceUrl;
  /** The address of the description as it was written. */
  readonly location: string;
}

/** The devices that answer a search, to everybody and to the candidates alone, where a switch may keep back multicast. */
async function search(network: DiagnosisNetwork, { localIp, candidates }: RouterQuestion): Promise<Device[]> {
  const { clock, openUdp } = network;
  const opened = await openUdp({ family: localIp.family, localIp });
  if (!opened.ok) return [];
  const socket = opened.value;
  const devices = new Map<string, Device>();
  const targets: TransportAddress[] = [ssdpGroup, ...candidates.map((ip) => ({ ip, port: ssdpGroup.port }))];
  await new Promise<void>((resolve) => {
    const end = () => {
      for (const timer of timers) timer.cancel();
      socket.close();
      resolve();
    };
    socket.onMessage = (bytes, { ip }) => {
      const location = readSsdp(bytes);
      const description = location === undefined ? undefined : ownUrl(location, ip);
      if (location === undefined || description === undefined || devices.size >= MAX_ROUTERS) return;
      devices.set(ip.text, { router: ip, description, location });
      // It is the router that is looked for, and not all there are.
      if (candidates.some((candidate) => sameAddress(candidate, ip))) end();
    };
    const searches = ssdpSearches();
    const timers = [
      ...sendsAtMs.map((at) =>
        clock.schedule(at, () => {
          for (const bytes of searches) for (const to of targets) socket.send(bytes, to);
        }),
      ),
      clock.schedule(SEARCH_MS, end),
    ];
  });
  return [...devices.values()];
}

async function askDevice(network: DiagnosisNetwork, device: Device): Promise<RouterAnswer | undefined> {
  const { router, description, location } = device;
  const page = await network.http({
    method: 'GET',
    ...description,
    host: hostOf(description),
    timeoutMs: HTTP_MS,
    maxBytes: MAX_BYTES,
  });
  if (!page.ok || page.value.status !== 200) return undefined;
  const { urlBase, services } = readDescription(page.value.body);
  const base = urlBase !== undefined && URL.canParse(urlBase) ? urlBase : location;
  for (const service of services.slice(0, 2)) {
    const control = ownUrl(service.controlUrl, router, base);
    const wanAddress = control && (await askService(network, control, service));
    if (wanAddress !== undefined) return { router, protocol: 'upnp', wanAddress, translatedBefore: false };
  }
  return services.length === 0
    ? undefined
    : { router, protocol: 'upnp', wanAddress: undefined, translatedBefore: false };
}

async function askService(
  network: DiagnosisNetwork,
  control: DeviceUrl,
  { type }: ConnectionService,
): Promise<IpAddress | undefined> {
  const answer = await network.http({
    method: 'POST',
    ...control,
    host: hostOf(control),
    headers: externalAddressHeaders(type),
    body: externalAddressRequest(type),
    timeoutMs: HTTP_MS,
    maxBytes: MAX_BYTES,
  });
  return answer.ok && answer.value.status === 200 ? readExternalAddress(answer.value.body) : undefined;
}

function hostOf({ to: { ip, port } }: DeviceUrl): string {
  return port === 80 ? ip.text : `${ip.text}:${port}`;
}
