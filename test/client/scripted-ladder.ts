import type { IceUrl } from '../../src/client/ice-url.ts';
import { failure, success } from '../../src/client/result.ts';
import type { Advice } from '../../src/ladder/advice.ts';
import { Ladder, type LadderCredentials, type LadderDependencies } from '../../src/ladder/ladder.ts';
import type { LadderReport, Rung, RungName } from '../../src/ladder/rung.ts';
import { formatTransportAddress } from '../../src/stun/ip-address.ts';
import { address, ScriptedSocket } from './scripted-socket.ts';
import { credentials, ScriptedTurnServer, serverAddress } from './scripted-turn-server.ts';
import { VirtualClock } from './virtual-clock.ts';

const turnUrl: IceUrl = { scheme: 'turn', host: 'turn.example.org', port: 3478, transport: 'udp' };

/** A ladder in virtual time, with a scripted server behind each of its sockets, which relays between the first two. */
export class ScriptedLadder {
  readonly clock = new VirtualClock();
  /** The server behind the first allocation's socket, and behind the second's. */
  readonly servers = [51234, 51235].map((port) => {
    const server = new ScriptedTurnServer();
    server.relayedAddress = address('8.8.4.4', port);
    return server;
  });
  readonly sockets = this.servers.map((server) => this.socketTo(server));
  /** What UDP sockets are opened to, in order, and what for. Beyond the two there are those that {@link further} gives. */
  readonly opened: string[] = [];
  /** Gives the sockets after the first two; a silent one when it gives none. */
  further: (where: string) => ScriptedSocket | undefined = () => undefined;
  credentials: LadderCredentials | undefined = { ...credentials, source: 'password' };
  dependencies: LadderDependencies;

  constructor() {
    const unopened = [...this.sockets];
    for (const [i, socket] of this.sockets.entries()) {
      socket.channelData = (bytes) => this.sockets[1 - i]!.deliver(bytes);
    }
    this.dependencies = {
      clock: this.clock,
      unixNow: () => 1_800_000_000,
      resolveHost: async () => success([serverAddress.ip]),
      openUdp: async (server) => {
        const where = formatTransportAddress(server);
        this.opened.push(where);
        const known = where === formatTransportAddress(serverAddress) ? unopened.shift() : undefined;
        return success(known ?? this.further(where) ?? new ScriptedSocket(this.clock, server));
      },
      connectTcp: async () => failure({ kind: 'refused', code: 'ECONNREFUSED', message: '' }),
    };
  }

  /** A socket with a server behind it that is in no other place than any. */
  socketTo(server: ScriptedTurnServer, where = serverAddress): ScriptedSocket {
    const socket = new ScriptedSocket(this.clock, where);
    socket.script = (request) => server.answer(request);
    return socket;
  }

  climb(url: Partial<IceUrl> = {}, overrides: Partial<LadderDependencies> = {}): Promise<LadderReport> {
    const ladder = new Ladder({ ...turnUrl, ...url }, this.credentials, { ...this.dependencies, ...overrides });
    return this.clock.until(ladder.climb());
  }
}

/** Why the last step failed. */
export function problemOf({ rungs }: LadderReport): Advice | undefined {
  return rungs.at(-1)?.problem;
}

/** All warnings, with their steps. */
export function warningsOf({ rungs }: LadderReport): readonly (readonly [RungName, string])[] {
  return rungs.flatMap(({ name, warnings }) => warnings.map(({ code }) => [name, code] as const));
}

export function rungOf(report: LadderReport, name: RungName): Rung {
  return report.rungs.find((rung) => rung.name === name)!;
}
