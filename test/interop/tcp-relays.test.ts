import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isErrorResponse } from '../../src/client/request-failure.ts';
import { allocateTcp, type TcpAllocation } from '../../src/client/tcp-allocation.ts';
import type { ConnectionAttempt } from '../../src/client/turn-allocation.ts';
import { type OpenTurnClientOptions, openTurnClient } from '../../src/client/turn-client.ts';
import { IpAddress, type TransportAddress } from '../../src/stun/ip-address.ts';
import { CertificateAuthority } from './certificates.ts';
import { startCoturn } from './coturn.ts';
import { requirePeer } from './peers.ts';
import { alice } from './relay-client.ts';
import { sharedSecret, Taciturn } from './taciturn.ts';
import { losesNothing, uclient } from './uclient.ts';

const loopback = IpAddress.parse('127.0.0.1')!;

/** A peer: a TCP server that keeps its connections. */
class Peer {
  readonly connections: Socket[] = [];
  readonly server: Server = createServer((socket) => this.connections.push(socket));

  static async listen(host = '127.0.0.1'): Promise<Peer> {
    const peer = new Peer();
    peer.server.listen(0, host);
    await once(peer.server, 'listening');
    return peer;
  }

  get address(): TransportAddress {
    const { address, port } = this.server.address() as AddressInfo;
    return { ip: IpAddress.parse(address)!, port };
  }

  async nextConnection(): Promise<Socket> {
    if (this.connections.length === 0) await once(this.server, 'connection');
    return this.connections.shift()!;
  }
}

describe('TCP relays (RFC 6062)', () => {
  let daemon: Taciturn;
  let closed: Taciturn;
  let peer: Peer;
  beforeAll(async () => {
    peer = await Peer.listen();
    [daemon, closed] = await Promise.all([
      Taciturn.start('relay: { peers: { allow: [127.0.0.1] } }'),
      Taciturn.start(),
    ]);
  });
  afterAll(async () => {
    peer.server.close();
    await Promise.all([daemon.stop(), closed.stop()]);
  });

  async function allocate(server: Taciturn): Promise<TcpAllocation> {
    const options: OpenTurnClientOptions = {
      server: { ip: loopback, port: server.port },
      credentials: alice,
      transport: { kind: 'tcp' },
    };
    const client = await openTurnClient(options);
    if (!client.ok) throw new Error(client.error.message);
    const allocation = await allocateTcp(client.value, options);
    if (!allocation.ok) throw new Error(JSON.stringify(allocation.error));
    return allocation.value;
  }

  async function connected(relay: TcpAllocation): Promise<readonly [Duplex, Socket]> {
    const stream = await relay.connect(peer.address);
    if (!stream.ok) throw new Error(JSON.stringify(stream.error));
    return [stream.value, await peer.nextConnection()];
  }

  it('carry a megabyte each way, however slowly it is read', async () => {
    const [stream, far] = await connected(await allocate(daemon));
    const megabyte = Buffer.alloc(1 << 20, 'taciturn');
    far.pause();
    stream.end(megabyte);
    far.end(megabyte);
    const read = async (from: Duplex) => Buffer.concat((await from.toArray()) as Buffer[]);
    const [there, back] = await Promise.all([read(far), read(stream)]);
    expect(there.equals(megabyte)).toBe(true);
    expect(back.equals(megabyte)).toBe(true);
    await expect.poll(() => daemon.metric('taciturn_relayed_bytes_total')).toBeGreaterThanOrEqual(2 << 20);
  });

  it('end with the side that ends first', async () => {
    const [stream, far] = await connected(await allocate(daemon));
    stream.destroy();
    await once(far.resume(), 'close');

    const [again, other] = await connected(await allocate(daemon));
    other.destroy();
    await once(again.resume(), 'close');

    const relay = await allocate(daemon);
    const [last, third] = await connected(relay);
    relay.allocation.close();
    await Promise.all([once(last.resume(), 'close'), once(third.resume(), 'close')]);
  });

  it('announce a peer that connects, when it has a permission, and hold its first bytes', async () => {
    const relay = await allocate(daemon);
    const attempts: ConnectionAttempt[] = [];
    const attempted = new Promise<ConnectionAttempt>((resolve) => {
      relay.onConnectionAttempt = (attempt) => {
        attempts.push(attempt);
        resolve(attempt);
      };
    });
    const { port } = relay.allocation.relayedAddress;
    const refused = connectSocket(port, '127.0.0.1').on('error', () => {});
    await new Promise((resolve) => refused.once('close', resolve));
    expect(attempts).toEqual([]);

    await relay.allocation.createPermission([peer.address]);
    const socket = connectSocket(port, '127.0.0.1');
    socket.write('early bytes');
    const attempt = await attempted;
    const stream = await relay.accept(attempt);
    if (!stream.ok) throw new Error(JSON.stringify(stream.error));
    const [bytes] = (await once(stream.value, 'data')) as [Buffer];
    expect(bytes.toString()).toBe('early bytes');
    socket.destroy();
  });

  it('reach no denied peer, not the server itself, and no other port of its addresses', async () => {
    const relay = await allocate(closed);
    const { connections } = peer;
    const denied = ['10.0.0.1', '127.0.0.1', '127.1.2.3', '169.254.169.254', '192.168.0.1', '0.0.0.0', '100.64.0.1'];
    for (const text of denied) {
      const answer = await relay.connect({ ip: IpAddress.parse(text)!, port: peer.address.port });
      expect(answer.ok ? 'connected' : isErrorResponse(answer.error, 403), text).toBe(true);
    }
    for (const port of [closed.port, Number(new URL(closed.http).port)]) {
      const answer = await relay.connect({ ip: loopback, port });
      expect(answer.ok ? 'connected' : isErrorResponse(answer.error, 403)).toBe(true);
    }
    // Allowed peers do not open the server's own ports either.
    const open = await allocate(daemon);
    for (const port of [daemon.port, Number(new URL(daemon.http).port)]) {
      const answer = await open.connect({ ip: loopback, port });
      expect(answer.ok ? 'connected' : isErrorResponse(answer.error, 403)).toBe(true);
    }
    expect(connections).toEqual([]);
  });

  it('answer 447 when the peer refuses', async () => {
    const gone = await Peer.listen();
    const { address } = gone;
    gone.server.close();
    const answer = await (await allocate(daemon)).connect(address);
    expect(answer.ok ? 'connected' : isErrorResponse(answer.error, 447)).toBe(true);
  });
});

const installed = ['turnutils_uclient', 'turnserver', 'openssl'].map(requirePeer).every(Boolean);

describe.skipIf(!installed).concurrent("coturn's client and TCP relays", { timeout: 120_000 }, () => {
  let authority: CertificateAuthority;
  let daemon: Taciturn;
  beforeAll(async () => {
    authority = new CertificateAuthority();
    const { certFile, keyFile } = authority.issue();
    daemon = await Taciturn.start(`tls: { certificateFile: ${certFile}, keyFile: ${keyFile}, port: 0 }`);
  });
  afterAll(async () => {
    await daemon?.stop();
    authority?.remove();
  });

  it.each([[['-T']], [['-T', '-S']]])('loses nothing (%j)', async (flags) => {
    await losesNothing(daemon, flags);
  });

  it('loses no more with passive peers (-T -P) than on coturn', async () => {
    const secret = ['--use-auth-secret', `--static-auth-secret=${sharedSecret}`];
    const coturn = await startCoturn({ authentication: secret, args: ['--allow-loopback-peers'], streams: {} });
    try {
      // At the same time, so that both see the machine equally busy.
      const [theirs, ours] = await Promise.all([coturn.address, daemon].map((server) => uclient(server, ['-T', '-P'])));
      expect(ours!.lost).toBeLessThanOrEqual(theirs!.lost);
    } finally {
      await coturn.stop();
    }
  });
});
