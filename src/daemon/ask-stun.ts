import { lookup } from 'node:dns/promises';
import { describeFailure } from '../client/request-failure.ts';
import { diagnosticRetransmission } from '../client/retransmission.ts';
import { StunClient } from '../client/stun-client.ts';
import { openUdpSocket } from '../client/udp-socket.ts';
import type { HostPort } from '../config/host.ts';
import { IpAddress } from '../stun/ip-address.ts';
import { AddressFamily } from '../stun/protocol.ts';
import type { Choice } from './relay-addresses.ts';

/** Asks STUN servers, one after the other, under which address they see `local`; a sentence when none says so. */
export async function askStun(local: IpAddress, servers: readonly HostPort[]): Promise<Choice | string> {
  const failures: string[] = [];
  for (const server of servers) {
    const answer = await askOne(local, server);
    if (typeof answer !== 'string') return { ip: answer, why: `what the STUN server ${server.host} sees` };
    failures.push(`${server.host}: ${answer}`);
  }
  return `no STUN server told it (${failures.join('; ')})`;
}

async function askOne(local: IpAddress, { host, port }: HostPort): Promise<IpAddress | string> {
  let ip: IpAddress;
  try {
    const { address } = await lookup(host, { family: local.family === AddressFamily.ipv4 ? 4 : 6 });
    ip = IpAddress.parse(address)!;
    // The system gives back an IP address as it is, whichever family was asked for.
    if (ip.family !== local.family) return 'has no address of this family';
  } catch (error) {
    return `does not resolve (${(error as NodeJS.ErrnoException).code})`;
  }
  const socket = await openUdpSocket({ family: local.family, localIp: local });
  if (!socket.ok) return socket.error.message;
  const client = new StunClient(socket.value, { retransmission: diagnosticRetransmission() });
  const answer = await client.binding({ ip, port });
  client.close();
  return answer.ok ? answer.value.mappedAddress.ip : describeFailure(answer.error);
}
