import type { IpAddress } from '../../stun/ip-address.ts';
import type { DiagnosisNetwork } from '../network.ts';
import { natPmpRequest, PORT_CONTROL_PORT, readNatPmp } from './nat-pmp.ts';
import { pcpAnnounce, readPcp } from './pcp.ts';
import type { RouterAnswer, RouterQuestion } from './router-answer.ts';

/** When a question is asked, and the last is when to give up; a router is near (RFC 6886 §3.1). */
const sendsAtMs = [0, 250, 500] as const;
const GIVE_UP_MS = 750;

/** Asks each candidate by NAT-PMP and PCP, all at once. No mapping is made. */
export async function askPortControl(network: DiagnosisNetwork, question: RouterQuestion): Promise<RouterAnswer[]> {
  const { localIp, candidates } = question;
  const answers = candidates.flatMap((router) => [
    askNatPmp(network, localIp, router),
    askPcp(network, localIp, router),
  ]);
  return (await Promise.all(answers)).filter((answer) => answer !== undefined);
}

function askNatPmp(
  network: DiagnosisNetwork,
  localIp: IpAddress,
  router: IpAddress,
): Promise<RouterAnswer | undefined> {
  return ask(network, localIp, router, natPmpRequest(), (bytes) => {
    const answer = readNatPmp(bytes);
    if (answer === undefined) return undefined;
    const wanAddress = answer.kind === 'address' ? answer.address : undefined;
    return { router, protocol: 'nat-pmp', wanAddress, translatedBefore: false };
  });
}

function askPcp(network: DiagnosisNetwork, localIp: IpAddress, router: IpAddress): Promise<RouterAnswer | undefined> {
  return ask(network, localIp, router, pcpAnnounce(localIp), (bytes) => {
    const answer = readPcp(bytes);
    return answer && { router, protocol: 'pcp', wanAddress: undefined, translatedBefore: answer.translatedBefore };
  });
}

async function ask(
  network: DiagnosisNetwork,
  localIp: IpAddress,
  router: IpAddress,
  request: Buffer,
  read: (bytes: Buffer) => RouterAnswer | undefined,
): Promise<RouterAnswer | undefined> {
  const { clock, openUdp } = network;
  const to = { ip: router, port: PORT_CONTROL_PORT };
  const opened = await openUdp({ family: router.family, localIp, connectTo: to });
  if (!opened.ok) return undefined;
  const socket = opened.value;
  return new Promise((resolve) => {
    const end = (answer: RouterAnswer | undefined) => {
      for (const timer of timers) timer.cancel();
      socket.close();
      resolve(answer);
    };
    socket.onMessage = (bytes) => {
      const answer = read(bytes);
      if (answer !== undefined) end(answer);
    };
    socket.onError = ({ kind }) => {
      if (kind !== 'other') end(undefined);
    };
    const timers = [
      ...sendsAtMs.map((at) => clock.schedule(at, () => socket.send(request, to))),
      clock.schedule(GIVE_UP_MS, () => end(undefined)),
    ];
  });
}
