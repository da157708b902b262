import type { TransportAddress } from '../../stun/ip-address.ts';
import type { Path } from '../probes/path.ts';
import { type Greeting, greet } from './greeting.ts';
import { readClaims } from './server-qualification.ts';
import type { GreetedServer } from './udp-reach.ts';

/** How long others may take after a server answered that can be used for all tests. */
const GRACE_MS = 300;
/** How long to wait for such a one after any other has answered. */
const PATIENCE_MS = 2500;

/** First requests to all servers, which run side by side. */
export interface Reach {
  /** Resolves when the tests may begin: all have said what they will, or enough have. Those that answered, as they were given. */
  readonly soon: Promise<readonly GreetedServer[]>;
  /** Resolves when all are over. */
  readonly all: Promise<readonly GreetedServer[]>;
}

/** Sends a first request to each server. */
export function reachServers(path: Path, servers: readonly TransportAddress[]): Reach {
  const outcomes = new Map<TransportAddress, Greeting>();
  const greetings = servers.map(async (server) => {
    const greeting = await greet(path, server);
    outcomes.set(server, greeting);
    return { server, greeting };
  });
  const all = Promise.all(greetings);
  const first = (ofKind: (greeted: GreetedServer) => boolean, ms: number) => {
    const found = greetings.map(async (greeting) => {
      if (!ofKind(await greeting)) throw new Error('not of this kind');
    });
    return Promise.any(found).then(
      () => path.sleep(ms),
      () => all,
    );
  };
  const enough = Promise.race([all, first(offersDiscovery, GRACE_MS), first(isUseful, PATIENCE_MS)]);
  const soon = enough.then(() =>
    servers.flatMap((server) => {
      const greeting = outcomes.get(server);
      return greeting ? [{ server, greeting }] : [];
    }),
  );
  return { soon, all };
}

function isUseful({ greeting }: GreetedServer): boolean {
  return greeting.kind === 'answered';
}

function offersDiscovery({ server, greeting }: GreetedServer): boolean {
  return greeting.kind === 'answered' && readClaims(server, greeting).discovery !== undefined;
}
