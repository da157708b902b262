import { IpAddress } from '../../stun/ip-address.ts';
import type { DiagnosisNetwork } from '../network.ts';
import { askPortControl } from './ask-port-control.ts';
import { askUpnp } from './ask-upnp.ts';
import type { RouterAnswer } from './router-answer.ts';

/** Everything that routers said. */
export interface RouterAnswers {
  /** The router that the system's routes name, where they can be read. */
  readonly routed: IpAddress | undefined;
  /** Where the router was looked for. */
  readonly candidates: readonly IpAddress[];
  readonly answers: readonly RouterAnswer[];
}

/** Asks the router for its outer address by all protocols at once; where the system does not tell which it is, the usual addresses. */
export async function askRouter(network: DiagnosisNetwork, localIp: IpAddress): Promise<RouterAnswers> {
  const routed = await network.routedGateway();
  const candidates = routed === undefined ? usualRouters(localIp) : [routed];
  const question = { localIp, candidates };
  const answers = await Promise.all([askPortControl(network, question), askUpnp(network, question)]);
  return { routed, candidates, answers: answers.flat() };
}

/** The first and the last address of the /24 around an address, a guess. */
export function usualRouters(localIp: IpAddress): IpAddress[] {
  const network = localIp.w0 & 0xffff_ff00;
  return [1, 254]
    .map((host) => new IpAddress(localIp.family, network | host))
    .filter(({ text }) => text !== localIp.text);
}
