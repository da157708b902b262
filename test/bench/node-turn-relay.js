// Runs the npm package node-turn in a process of its own: node-turn-relay.js ADDRESS PORT USER PASSWORD
import Turn from 'node-turn';

const [ip, port, user, password] = process.argv.slice(2);
const server = new Turn({
  listeningIps: [ip],
  relayIps: [ip],
  listeningPort: Number(port),
  authMech: 'long-term',
  realm: 'example.org',
  credentials: { [user]: password },
});
server.start();
setTimeout(() => process.stdout.write('ready\n'), 500);
