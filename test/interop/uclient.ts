/** coturn's client and its echo server, and what they say about a run. */
import { createSocket } from 'node:dgram';
import { expect } from 'vitest';
import { freeUdpPort, RunningProgram, run } from './peers.ts';
import { sharedSecret, type Taciturn } from './taciturn.ts';

/** What this client prints at its end. Its exit status says nothing: it is 0 even when all is lost. */
export interface Outcome {
  readonly sent: number;
  readonly lost: number;
  readonly text: string;
}

/** The client gives every session a random start within five seconds; small intervals keep the rest short. */
const messages = ['-n', '200', '-m', '10', '-z', '10'];
export const sentMessages = 200 * 10;

let user = 0;
export function uclientArguments(
  daemon: Pick<Taciturn, 'port'>,
  flags: readonly string[],
  host = '127.0.0.1',
): string[] {
  // A user of its own for each run: quotas count users.
  return [...flags, '-u', `user${user++}`, '-W', sharedSecret, ...messages, '-p', String(daemon.port), host];
}

export async function uclient(
  daemon: Pick<Taciturn, 'port'>,
  flags: readonly string[],
  host?: string,
): Promise<Outcome> {
  const { stdout, stderr } = await run('turnutils_uclient', uclientArguments(daemon, flags, host));
  const text = stdout + stderr;
  const lost = /Total lost packets (\d+)/.exec(text);
  if (!lost) throw new Error(`no verdict:\n${text.slice(-2000)}`);
  return { sent: Number(/.*tot_send_msgs=(\d+)/s.exec(text)![1]), lost: Number(lost[1]), text };
}

/** Runs until nothing is lost, twice at most: on a busy machine the client's own small socket buffers may run over. */
export async function losesNothing(
  daemon: Pick<Taciturn, 'port'>,
  flags: readonly string[],
  host?: string,
): Promise<Outcome> {
  const first = await uclient(daemon, flags, host);
  const outcome = first.lost === 0 ? first : await uclient(daemon, flags, host);
  expect(outcome.lost).toBe(0);
  return outcome;
}

/** Debian's echo server: the one peer that the configuration allows. */
export class EchoPeer {
  readonly port: number;
  readonly #program: RunningProgram;

  private constructor(port: number) {
    this.port = port;
    this.#program = new RunningProgram('turnutils_peer', ['-L', '127.0.0.1', '-p', String(port)]);
  }

  static async start(): Promise<EchoPeer> {
    const peer = new EchoPeer(await freePortPair());
    await Promise.race([echoFrom(peer.port), peer.#program.exited.then(() => Promise.reject(new Error('it ended')))]);
    return peer;
  }

  /** What makes the client send to it. */
  get flags(): readonly string[] {
    return ['-e', '127.0.0.1', '-r', String(this.port)];
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}

/** The echo server takes a port for RTP and the one above it for RTCP. */
async function freePortPair(): Promise<number> {
  const port = await freeUdpPort();
  const above = createSocket('udp4');
  const free = await new Promise<boolean>((resolve) => {
    above.once('error', () => resolve(false)).bind(port + 1, '127.0.0.1', () => resolve(true));
  });
  above.close();
  return free ? port : freePortPair();
}

/** Resolves when something echoes there. */
function echoFrom(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const ask = () => socket.send('?', port, '127.0.0.1');
    const again = setInterval(ask, 50);
    socket.once('message', () => {
      clearInterval(again);
      socket.close(resolve);
    });
    ask();
  });
}
