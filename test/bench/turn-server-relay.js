// Runs the npm package turn-server in a process of its own: turn-server-relay.js ADDRESS PORT USER PASSWORD
import { createServer } from 'turn-server';

const [ip, port, user, password] = process.argv.slice(2);
const server = createServer({
  auth: { mechanism: 'long-term', realm: 'example.org', credentials: { [user]: password } },
  relay: { ip, externalIp: ip },
  allowLoopback: true,
});
server.on('listening', () => process.stdout.write('ready\n'));
server.listen([{ port: Number(port), address: ip, transport: 'udp' }]);
