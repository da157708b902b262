import type { Timer } from '../client/clock.ts';
import { type IceUrl, isSecure, isStunOnly } from '../client/ice-url.ts';
import type { MessageSocket } from '../client/message-socket.ts';
import { StunClient } from '../client/stun-client.ts';
import { sameAddress, type TransportAddress } from '../stun/ip-address.ts';
import type { ReachDependencies } from './reach.ts';

/** Somebody is waiting, and a server that is there answers sooner. */
const WAIT_MS = 1500;
const retransmission = { initialTimeoutMs: 250, sends: 3, lastWaitFactor: 2 };

/**
 * Looks where else a STUN or TURN server answers on a host that does not answer as the URL says: at the port of the URL over the
 * other transport, and at the default ports.
 *
 * @returns the URLs to use in place of the one given; empty when nothing answers.
 */
export async function findElsewhere(
  url: IceUrl,
  server: TransportAddress,
  dependencies: ReachDependencies,
): Promise<readonly IceUrl[]> {
  const candidates = candidatesFor({ ...url, port: server.port });
  const answers = await Promise.all(
    candidates.map((candidate) => answersStun(candidate, { ...server, port: candidate.port }, dependencies)),
  );
  return candidates.filter((_, index) => answers[index]);
}

function candidatesFor(url: IceUrl): readonly IceUrl[] {
  const stun = isStunOnly(url);
  const plain = stun ? 'stun' : 'turn';
  const overTls = stun ? 'stuns' : 'turns';
  const candidates = new Map<string, IceUrl>();
  const add = (scheme: IceUrl['scheme'], port: number, transport: IceUrl['transport']) =>
    candidates.set(`${transport} ${port}`, { scheme, host: url.host, port, transport });
  add(plain, url.port, 'udp');
  // There is no URL for STUN over plain TCP.
  if (!stun && !isSecure(url)) add(plain, url.port, 'tcp');
  add(plain, 3478, 'udp');
  if (!stun) add(plain, 3478, 'tcp');
  add(overTls, 5349, 'tcp');
  add(overTls, 443, 'tcp');
  candidates.delete(`${url.transport} ${url.port}`);
  return [...candidates.values()];
}

async function answersStun(url: IceUrl, server: TransportAddress, dependencies: ReachDependencies): Promise<boolean> {
  const { clock } = dependencies;
  let timer: Timer | undefined;
  const tooLate = new Promise<false>((resolve) => {
    timer = clock.schedule(WAIT_MS, () => resolve(false));
  });
  let client: StunClient | undefined;
  let over = false;
  const ask = async (): Promise<boolean> => {
    const socket = await open(url, server, dependencies);
    if (!socket) return false;
    if (over) {
      socket.close();
      return false;
    }
    client = new StunClient(socket, { clock, retransmission });
    const answer = await client.binding(server);
    return answer.ok && sameAddress(answer.value.from.ip, server.ip);
  };
  const answers = await Promise.race([ask(), tooLate]);
  over = true;
  timer?.cancel();
  client?.close();
  return answers;
}

async function open(
  url: IceUrl,
  server: TransportAddress,
  { openUdp, connectTcp, trusted }: ReachDependencies,
): Promise<MessageSocket | undefined> {
  if (url.transport === 'udp') {
    const socket = await openUdp(server);
    return socket.ok ? socket.value : undefined;
  }
  const connection = await connectTcp(server, WAIT_MS);
  if (!connection.ok) return undefined;
  if (!isSecure(url)) return connection.value.plain();
  const secured = await connection.value.secure({ serverName: url.host, ...(trusted !== undefined && { trusted }) });
  return secured.ok ? secured.value.socket : undefined;
}
