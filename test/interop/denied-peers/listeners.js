// Listens on many addresses at once and says, line by line, what arrives where.
// Standard input: {device, addresses: [{address, port}]}. Each line out: {ready, failed} once, then {at, text}.
import { createSocket } from 'node:dgram';
import { text } from 'node:stream/consumers';

const { device, addresses } = JSON.parse(await text(process.stdin));
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** Link-local addresses mean something only together with an interface. */
const isLinkLocal = (address) => /^(fe[89ab]|ff[0-9a-f]2)/i.test(address);
const isMulticast = (address) => /^(22[4-9]|23\d)\.|^ff/i.test(address);

function listen({ address, port }) {
  const isIpv6 = address.includes(':');
  const at = isIpv6 ? `[${address}]:${port}` : `${address}:${port}`;
  return new Promise((resolve) => {
    const socket = createSocket({ type: isIpv6 ? 'udp6' : 'udp4', ipv6Only: isIpv6 });
    socket.once('error', (error) => resolve({ at, why: error.message }));
    socket.on('message', (bytes) => say({ at, text: bytes.toString('latin1') }));
    const zone = isLinkLocal(address) ? `%${device}` : '';
    socket.bind({ address: address + zone, port, exclusive: true }, () => {
      try {
        if (isMulticast(address)) socket.addMembership(address, isIpv6 ? `::%${device}` : undefined);
        resolve({ at });
      } catch (error) {
        resolve({ at, why: error.message });
      }
    });
  });
}

const results = await Promise.all(addresses.map(listen));
say({
  ready: results.filter(({ why }) => why === undefined).map(({ at }) => at),
  failed: results.filter(({ why }) => why !== undefined),
});
