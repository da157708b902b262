import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diagnosticRetransmission } from '../../src/client/retransmission.ts';
import { openTurnClient, type TurnClient, type TurnClientOptions } from '../../src/client/turn-client.ts';
import { formatTransportAddress, IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { type NodeTurn, startNodeTurn } from './node-turn.ts';
import { requirePeer } from './peers.ts';

// This server answers ChannelBind without integrity and never reads ChannelData, so channels are not part of this.
describe.skipIf(!requirePeer('npm:node-turn'))('the client with node-turn', () => {
  let nodeTurn: NodeTurn;
  let server: TransportAddress;
  const clients: TurnClient[] = [];

  beforeAll(async () => {
    nodeTurn = await startNodeTurn();
    server = { ip: IpAddress.parse('127.0.0.1')!, port: nodeTurn.port };
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    await nodeTurn?.stop();
  });

  async function connect(options: Partial<TurnClientOptions> = {}): Promise<TurnClient> {
    const credentials = { username: 'user', password: 'pass' };
    const client = await openTurnClient({
      server,
      credentials,
      retransmission: diagnosticRetransmission(),
      ...options,
    });
    if (!client.ok) throw new Error(client.error.message);
    clients.push(client.value);
    return client.value;
  }

  it('learns its own address', async () => {
    const client = await connect();
    const answer = await client.binding();
    if (!answer.ok) throw new Error(answer.error.kind);
    expect(formatTransportAddress(answer.value.mappedAddress)).toBe(
      formatTransportAddress(client.stun.socket.localAddress),
    );
  });

  it('relays in Send and Data indications, and gives the allocation back', async () => {
    const allocations = [];
    for (const client of [await connect(), await connect()]) {
      const allocation = await client.allocate();
      if (!allocation.ok) throw new Error(JSON.stringify(allocation.error));
      allocations.push(allocation.value);
    }
    const [a, b] = [allocations[0]!, allocations[1]!];
    expect((await a.createPermission([b.relayedAddress])).ok).toBe(true);
    expect((await b.createPermission([a.relayedAddress])).ok).toBe(true);
    const arrived = new Promise<string>((resolve) => {
      b.onData = (peer, bytes) => resolve(`${formatTransportAddress(peer)} ${bytes}`);
    });
    a.send(b.relayedAddress, Buffer.from('hello'));
    expect(await arrived).toBe(`${formatTransportAddress(a.relayedAddress)} hello`);
    for (const allocation of allocations) expect((await allocation.close()).ok).toBe(true);
  });

  it('reports wrong credentials', async () => {
    const client = await connect({ credentials: { username: 'user', password: 'wrong' } });
    expect(await client.allocate()).toMatchObject({ ok: false, error: { code: 401, authenticated: true } });
  });

  it('does not believe an answer without integrity', async () => {
    // All of the time is waited for an answer that can be trusted.
    const client = await connect({ retransmission: { initialTimeoutMs: 250, sends: 2, lastWaitFactor: 3 } });
    const allocation = await client.allocate();
    if (!allocation.ok) throw new Error(JSON.stringify(allocation.error));
    const bound = await allocation.value.bindChannel({ ip: server.ip, port: 9 });
    expect(bound).toEqual({ ok: false, error: { kind: 'integrity-violated', claimed: undefined } });
    await allocation.value.close();
  });
});
