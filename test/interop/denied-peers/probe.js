// Sends one datagram straight to each of many addresses. Standard input: {device, addresses: [{address, port}]}.
import { createSocket } from 'node:dgram';
import { text } from 'node:stream/consumers';

const { device, addresses } = JSON.parse(await text(process.stdin));
const sockets = { udp4: createSocket('udp4'), udp6: createSocket('udp6') };
await Promise.all(
  addresses.map(
    ({ address, port }) =>
      new Promise((resolve) => {
        const zone = /^(fe[89ab]|ff[0-9a-f]2)/i.test(address) ? `%${device}` : '';
        // A failure shows as a probe that is not heard.
        sockets[address.includes(':') ? 'udp6' : 'udp4'].send('probe', port, address + zone, resolve);
      }),
  ),
);
for (const socket of Object.values(sockets)) socket.close();
