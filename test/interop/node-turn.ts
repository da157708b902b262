import { fileURLToPath } from 'node:url';
import { freeUdpPort, RunningProgram } from './peers.ts';

/** The TURN server of the npm package node-turn, which knows the user `user` with the password `pass`. */
export interface NodeTurn {
  readonly port: number;
  stop(): Promise<unknown>;
}

/** Starts it on a free port of 127.0.0.1. */
export async function startNodeTurn(): Promise<NodeTurn> {
  const port = await freeUdpPort();
  const script = fileURLToPath(new URL('node-turn-server.js', import.meta.url));
  const program = new RunningProgram(process.execPath, [script, String(port)]);
  await program.waitFor(/Server is listening on/);
  return { port, stop: () => program.stop() };
}
