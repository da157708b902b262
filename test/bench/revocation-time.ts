import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { TurnAllocation } from '../../src/client/turn-allocation.ts';
import { IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { allocate } from '../interop/relay-client.ts';
import type { IssuedCredential } from '../interop/taciturn.ts';
import type { Cleanup } from './cleanup.ts';
import { spread } from './results.ts';
import { type ServiceDaemon, startServiceDaemon } from './service-daemon.ts';
import type { Filling } from './store-filling.ts';

const REVOCATIONS = 10;
const SEND_EVERY_MS = 2;
/** How long packets pass before the credential is revoked. */
const BEFORE_MS = 200;
/** When nothing has come for so long, the last packet has come. */
const SILENCE_MS = 500;

/** Revokes credentials that are in use, one after the other: from the request to the last packet that was relayed. */
export async function measureRevocation(filling: Filling, cleanup: Cleanup): Promise<Record<string, number>> {
  const daemon = await startServiceDaemon(filling, { oneCore: false }, cleanup);
  const echo = createSocket('udp4');
  echo.on('message', (bytes, { port, address }) => echo.send(bytes, port, address));
  try {
    echo.bind(0, '127.0.0.1');
    await once(echo, 'listening');
    const { address, port } = echo.address() as AddressInfo;
    const peer = { ip: IpAddress.parse(address)!, port };
    const times: number[] = [];
    for (let i = 0; i < REVOCATIONS; i++) times.push(await revokeInUse(daemon, peer));
    const { median, highest } = spread(times)!;
    return { median, longest: highest };
  } finally {
    echo.close();
    await daemon.remove();
  }
}

async function revokeInUse(daemon: ServiceDaemon, peer: TransportAddress): Promise<number> {
  const { username, credential } = await issue(daemon);
  const [client, allocation] = await allocate(daemon.turnPort, { username, password: credential });
  try {
    const permitted = await allocation.createPermission([peer]);
    if (!permitted.ok) throw new Error(`there is no permission: ${JSON.stringify(permitted.error)}`);
    return await timeToSilence(allocation, peer, () => revoke(daemon, username));
  } finally {
    // The server has ended it; what is left is its refreshing.
    allocation.abandon();
    client.close();
  }
}

/** The milliseconds from just before the revocation until the last packet that came back. */
async function timeToSilence(
  allocation: TurnAllocation,
  peer: TransportAddress,
  revokeIt: () => Promise<void>,
): Promise<number> {
  let lastAt = Number.NEGATIVE_INFINITY;
  allocation.onData = () => {
    lastAt = performance.now();
  };
  const packet = Buffer.alloc(160);
  const sending = setInterval(() => allocation.send(peer, packet), SEND_EVERY_MS);
  try {
    await pause(BEFORE_MS);
    const revokedAt = performance.now();
    if (lastAt < revokedAt - BEFORE_MS / 2) throw new Error('no packets are relayed before the revocation');
    await revokeIt();
    while (performance.now() - Math.max(lastAt, revokedAt) < SILENCE_MS) await pause(SEND_EVERY_MS);
    return Math.max(0, lastAt - revokedAt);
  } finally {
    clearInterval(sending);
  }
}

async function issue({ http, keys }: ServiceDaemon): Promise<IssuedCredential> {
  const headers = { authorization: `Bearer ${keys[0]}` };
  const response = await fetch(new URL('/v1/credentials', http), { method: 'POST', headers });
  if (response.status !== 201) throw new Error(`issuing was answered with ${response.status}`);
  return (await response.json()) as IssuedCredential;
}

async function revoke({ http, keys }: ServiceDaemon, username: string): Promise<void> {
  const headers = { authorization: `Bearer ${keys[0]}` };
  const path = `/v1/credentials/${encodeURIComponent(username)}`;
  const response = await fetch(new URL(path, http), { method: 'DELETE', headers });
  if (response.status !== 204) throw new Error(`revoking was answered with ${response.status}`);
}
