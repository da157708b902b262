import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MessageSocket } from '../../src/client/message-socket.ts';
import { diagnosticRetransmission } from '../../src/client/retransmission.ts';
import type { TurnAllocation } from '../../src/client/turn-allocation.ts';
import { TurnClient } from '../../src/client/turn-client.ts';
import { openUdpSocket } from '../../src/client/udp-socket.ts';
import { IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { ReadResult, StunMessage } from '../../src/stun/message.ts';
import { AddressFamily, MessageClass, Method } from '../../src/stun/protocol.ts';
import { DaemonProcess } from './daemon-process.ts';
import { type NodeTurn, startNodeTurn } from './node-turn.ts';
import { requirePeer } from './peers.ts';
import { Taciturn } from './taciturn.ts';

const loopback = IpAddress.parse('127.0.0.1')!;

/** What went over a client's socket, in order. */
interface Traffic {
  readonly sent: Buffer[];
  readonly received: Buffer[];
}

interface Connection extends Traffic {
  readonly client: TurnClient;
  readonly socket: MessageSocket;
}

const connections: Connection[] = [];

async function connect(port: number, credentials: { username: string; password: string }): Promise<Connection> {
  const server = { ip: loopback, port };
  const opened = await openUdpSocket({ family: AddressFamily.ipv4, connectTo: server });
  if (!opened.ok) throw new Error(opened.error.message);
  const traffic: Traffic = { sent: [], received: [] };
  const socket = recording(opened.value, traffic);
  const client = new TurnClient(socket, { server, credentials, retransmission: diagnosticRetransmission() });
  const connection = { client, socket, ...traffic };
  connections.push(connection);
  return connection;
}

/** The same socket, with what goes over it written down. */
function recording(socket: MessageSocket, { sent, received }: Traffic): MessageSocket {
  return {
    localAddress: socket.localAddress,
    reliable: false,
    send(bytes, to) {
      sent.push(Buffer.from(bytes));
      socket.send(bytes, to);
    },
    set onMessage(handler: MessageSocket['onMessage']) {
      socket.onMessage = (bytes, from) => {
        received.push(Buffer.from(bytes));
        handler(bytes, from);
      };
    },
    set onError(handler: MessageSocket['onError']) {
      socket.onError = handler;
    },
    close: () => socket.close(),
  };
}

function granted(result: Awaited<ReturnType<TurnClient['allocate']>>): TurnAllocation {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

/** The Allocate success answers that came. */
function allocateAnswers({ received }: Traffic): Buffer[] {
  const message = new StunMessage();
  return received.filter(
    (bytes) =>
      message.read(bytes, 0, bytes.length) === ReadResult.ok &&
      message.messageClass === MessageClass.success &&
      message.method === Method.allocate,
  );
}

async function canBind({ port }: TransportAddress): Promise<boolean> {
  const socket = createSocket('udp4');
  const bound = await new Promise<boolean>((resolve) => {
    socket
      .once('error', () => resolve(false))
      .bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true));
  });
  socket.close();
  return bound;
}

/** Names that every JavaScript object answers to, with the text of what it answers as the password. */
const inheritedNames = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'].map((username) => ({
  username,
  password: String(Object.prototype[username as keyof object] ?? '[object Object]'),
}));

afterAll(() => {
  for (const { client } of connections) client.close();
});

describe('where node-turn has holes, taciturn', () => {
  const alice = { username: 'alice', password: 'correct horse' };
  const lifetimeSeconds = 2;
  let daemon: Taciturn;

  beforeAll(async () => {
    daemon = await Taciturn.start(`relay: { lifetime: { default: ${lifetimeSeconds}s } }`, { listen: ['127.0.0.1'] });
  });

  afterAll(() => daemon?.stop());

  const allocations = () => daemon.metric('taciturn_allocations');

  it.each(inheritedNames)('does not take $username for a user', async (credentials) => {
    for (const password of [credentials.password, '', 'undefined', 'null']) {
      const { client } = await connect(daemon.port, { ...credentials, password });
      expect(await client.allocate()).toMatchObject({ ok: false, error: { code: 401, authenticated: true } });
    }
  });

  it('closes the port after a Refresh with lifetime 0', async () => {
    const { client } = await connect(daemon.port, alice);
    const allocation = granted(await client.allocate());
    expect(await canBind(allocation.relayedAddress)).toBe(false);
    await allocation.close();
    expect(await allocations()).toBe(0);
    expect(await daemon.metric('taciturn_relayed_addresses')).toBe(0);
    await expect.poll(() => canBind(allocation.relayedAddress)).toBe(true);
    expect(DaemonProcess.find(daemon.directory).udpPorts).toEqual([daemon.port]);
  });

  it('closes the port when the lifetime is over', async () => {
    const { client } = await connect(daemon.port, alice);
    const allocation = granted(await client.allocate());
    expect(allocation.granted.lifetimeSeconds).toBe(lifetimeSeconds);
    allocation.abandon();
    await expect.poll(allocations, { timeout: 20_000 }).toBe(0);
    await expect.poll(() => canBind(allocation.relayedAddress)).toBe(true);
    expect(DaemonProcess.find(daemon.directory).udpPorts).toEqual([daemon.port]);
  });

  it('answers a retransmitted Allocate with the same bytes and makes nothing new', async () => {
    const connection = await connect(daemon.port, alice);
    const allocation = granted(await connection.client.allocate());
    const request = connection.sent.at(-1)!;
    connection.socket.send(request, connection.client.server);
    await expect.poll(() => allocateAnswers(connection).length).toBe(2);
    const [first, second] = allocateAnswers(connection);
    expect(second).toEqual(first);
    expect(await allocations()).toBe(1);
    expect(await daemon.metric('taciturn_relayed_addresses')).toBe(1);
    await allocation.close();
    expect(await allocations()).toBe(0);
  });

  it('allocates for nobody without credentials', async () => {
    const { client } = await connect(daemon.port, alice);
    expect(await client.challenge()).toMatchObject({ ok: true, value: { kind: 'challenged' } });
    expect(await allocations()).toBe(0);
  });

  it('reaches no peer on this machine', async () => {
    const listener = createSocket('udp4').bind(0, '0.0.0.0');
    await once(listener, 'listening');
    const arrived: string[] = [];
    listener.on('message', (bytes) => arrived.push(bytes.toString()));
    const { port } = listener.address();
    const { client } = await connect(daemon.port, alice);
    const allocation = granted(await client.allocate());

    const other = { ip: IpAddress.parse('127.0.0.2')!, port };
    expect(await allocation.createPermission([other])).toMatchObject({ error: { code: 403 } });
    expect(await allocation.bindChannel(other)).toMatchObject({ error: { code: 403 } });
    allocation.send(other, Buffer.from('without a permission'));
    // The relay address itself may get a permission, because another client may be there, but only on live relay ports.
    const own = { ip: loopback, port };
    expect((await allocation.createPermission([own])).ok).toBe(true);
    allocation.send(own, Buffer.from('with a permission'));
    expect((await allocation.bindChannel(own)).ok).toBe(true);
    allocation.send(own, Buffer.from('over a channel'));

    const dropped = (reason: string) => daemon.metric('taciturn_dropped_packets_total', `"${reason}"`);
    await expect.poll(() => dropped('no-such-relay')).toBe(2);
    expect(await dropped('no-permission')).toBe(1);
    // The listener does hear, and what it hears is all that reached it before.
    const probe = createSocket('udp4');
    const heard = once(listener, 'message');
    probe.send('probe', port, '127.0.0.1');
    await heard;
    expect(arrived).toEqual(['probe']);
    probe.close();
    listener.close();
    await allocation.close();
  });
});

// That the cases above can fail is shown by the server that they are about.
describe.skipIf(!requirePeer('npm:node-turn'))('node-turn itself', () => {
  const user = { username: 'user', password: 'pass' };
  let nodeTurn: NodeTurn;
  let port: number;

  beforeAll(async () => {
    nodeTurn = await startNodeTurn();
    port = nodeTurn.port;
  });

  afterAll(() => nodeTurn?.stop());

  it('takes constructor for a user', async () => {
    const { client } = await connect(port, inheritedNames[0]!);
    expect((await client.allocate()).ok).toBe(true);
  });

  it('keeps the port after a Refresh with lifetime 0', async () => {
    const { client } = await connect(port, user);
    const allocation = granted(await client.allocate());
    await allocation.close();
    expect(await canBind(allocation.relayedAddress)).toBe(false);
  });

  it('reaches peers on its own machine', async () => {
    const listener = createSocket('udp4').bind(0, '127.0.0.1');
    await once(listener, 'listening');
    const arrived = once(listener, 'message');
    const { client } = await connect(port, user);
    const allocation = granted(await client.allocate());
    const peer = { ip: loopback, port: listener.address().port };
    expect((await allocation.createPermission([peer])).ok).toBe(true);
    allocation.send(peer, Buffer.from('to a service of this machine'));
    expect(String((await arrived)[0])).toBe('to a service of this machine');
    listener.close();
  });
});
