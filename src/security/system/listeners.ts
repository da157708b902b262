import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { failure, type Result, success } from '../../client/result.ts';
import { systemError, type TransportError } from '../../client/transport-error.ts';
import { IpAddress } from '../../stun/ip-address.ts';
import { AddressFamily } from '../../stun/protocol.ts';
import { classOf } from '../address-class.ts';
import type { Listener } from '../dependencies.ts';
import type { HostAddress } from '../targets.ts';

/** Listens on a free port of one address of this host. Fails with the system's error, such as one for an address that is gone. */
export function listen(at: HostAddress, protocol: 'udp' | 'tcp'): Promise<Result<Listener, TransportError>> {
  return protocol === 'udp' ? listenUdp(at) : listenTcp(at);
}

function listenUdp(at: HostAddress): Promise<Result<Listener, TransportError>> {
  const { ip } = at;
  const socket = createSocket(ip.family === AddressFamily.ipv4 ? { type: 'udp4' } : { type: 'udp6', ipv6Only: true });
  return new Promise((resolve) => {
    socket.once('error', (error) => {
      socket.close();
      resolve(failure(systemError(error)));
    });
    socket.bind({ address: bindable(at), port: 0, exclusive: true }, () => {
      socket.removeAllListeners('error').on('error', () => {});
      const listener: Listener = {
        address: { ip, port: socket.address().port },
        onArrival: () => {},
        close: () => void socket.close(),
      };
      socket.on('message', (bytes, { address, port }) => {
        listener.onArrival(bytes, { ip: IpAddress.parse(address) ?? ip, port });
      });
      resolve(success(listener));
    });
  });
}

function listenTcp(at: HostAddress): Promise<Result<Listener, TransportError>> {
  const { ip } = at;
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', (error) => resolve(failure(systemError(error))));
    server.listen({ host: bindable(at), port: 0, exclusive: true, ipv6Only: true }, () => {
      server.removeAllListeners('error').on('error', () => {});
      const bound = server.address();
      const listener: Listener = {
        address: { ip, port: typeof bound === 'object' && bound ? bound.port : 0 },
        onArrival: () => {},
        close: () => void server.close(),
      };
      server.on('connection', (socket) => {
        const { remoteAddress = '', remotePort = 0 } = socket;
        socket.on('error', () => {}).destroy();
        listener.onArrival(Buffer.alloc(0), { ip: IpAddress.parse(remoteAddress) ?? ip, port: remotePort });
      });
      resolve(success(listener));
    });
  });
}

/** The address as the system binds it: a link-local one with its interface. */
function bindable({ ip, zone }: HostAddress): string {
  return zone !== undefined && ip.family === AddressFamily.ipv6 && classOf(ip) === 'link-local'
    ? `${ip.text}%${zone}`
    : ip.text;
}
