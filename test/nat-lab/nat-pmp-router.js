// A router that tells its outer address by NAT-PMP (RFC 6886 §3.2), and makes no mappings. Its argument is that address.
import { createSocket } from 'node:dgram';

const outerAddress = process.argv[2].split('.').map(Number);
const socket = createSocket('udp4');
socket.on('message', (request, { address, port }) => {
  if (request.length < 2) return;
  const [version, operation] = request;
  const answer = Buffer.alloc(version === 0 && operation === 0 ? 12 : 8);
  answer[1] = 0x80 | operation;
  // 1: unsupported version, 5: unsupported operation.
  if (version !== 0) answer.writeUInt16BE(1, 2);
  else if (operation !== 0) answer.writeUInt16BE(5, 2);
  else Buffer.from(outerAddress).copy(answer, 8);
  answer.writeUInt32BE(Math.floor(process.uptime()), 4);
  socket.send(answer, port, address);
});
socket.bind(5351, () => process.stdout.write('ready\n'));
