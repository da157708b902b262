// Runs the npm package node-turn, which is plain CommonJS and closes no port, in a process of its own: node-turn-server.js PORT
import Turn from 'node-turn';

const server = new Turn({
  listeningIps: ['127.0.0.1'],
  relayIps: ['127.0.0.1'],
  listeningPort: Number(process.argv[2]),
  authMech: 'long-term',
  realm: 'example.org',
  credentials: { user: 'pass' },
  debugLevel: 'INFO',
});
server.start();
