import { formatTransportAddress } from '../../stun/ip-address.ts';
import type { Behavior } from '../behavior.ts';
import { type Finding, unknown } from '../finding.ts';
import { type Alternates, twice } from '../servers/alternates.ts';
import type { DiscoveryServer } from '../servers/server-qualification.ts';
import { answersFrom, askForChange, type Change, type ChangeOutcome, probeChange } from './change-probe.ts';
import type { Path } from './path.ts';
import type { UnsolicitedSocket } from './unsolicited.ts';

/** What came of the requests for an answer from elsewhere; each was made twice, and once more where the two disagreed. */
export interface FilterObservation {
  readonly both: ChangeOutcome;
  readonly port: ChangeOutcome;
  /** Still open, of requests for an answer from B:P2 to which none came; whoever has them has to close them. */
  readonly unanswered: readonly UnsolicitedSocket[];
  readonly elapsedMs: number;
}

/**
 * The filtering tests of RFC 5780 §4.4, all side by side, each on a fresh socket. To be run before anything else is sent to the
 * other addresses of the server: some NATs let in whoever any host behind them has talked to.
 */
export async function observeFiltering(path: Path, server: DiscoveryServer): Promise<FilterObservation> {
  const startedAt = path.now();
  const unanswered: UnsolicitedSocket[] = [];
  const [both, port] = await Promise.all([
    settle(path, server, 'both', (still) => unanswered.push(still)),
    settle(path, server, 'port'),
  ]);
  return { both, port, unanswered, elapsedMs: path.now() - startedAt };
}

async function settle(
  path: Path,
  server: DiscoveryServer,
  change: Change,
  onSilence?: (still: UnsolicitedSocket) => void,
): Promise<ChangeOutcome> {
  const outcomes = await twice(path, () => probeChange(path, server, change, onSilence));
  const misbehaviour = (['ignored', 'elsewhere', 'refused'] as const).find((kind) => outcomes.includes(kind));
  if (misbehaviour !== undefined) return misbehaviour;
  if (outcomes[0] === outcomes[1]) return outcomes[0];
  const third = await probeChange(path, server, change, onSilence);
  return outcomes.includes(third) ? third : 'unclear';
}

/** How long to send nothing before a request that no limit on answers should then stop. */
const QUIET_MS = 1200;
/** How often to try where a plain request in between got lost. */
const QUIET_ATTEMPTS = 3;

/**
 * Repeats what was silent with long pauses, when nothing else is under way: a server that limits its answers has then as much
 * reason to answer this as the plain requests in between, which all have to be answered at their first send.
 */
export async function confirmInQuiet(
  path: Path,
  server: DiscoveryServer,
  observation: FilterObservation,
): Promise<FilterObservation> {
  const startedAt = path.now();
  const again = async (change: Change): Promise<ChangeOutcome> => {
    if (observation[change] !== 'silent') return observation[change];
    for (let attempt = 0; attempt < QUIET_ATTEMPTS && !path.over; attempt++) {
      const outcome = await probeInQuiet(path, server, change);
      if (outcome !== 'unclear') return outcome;
    }
    return 'unclear';
  };
  const [both, port] = await Promise.all([again('both'), again('port')]);
  return { ...observation, both, port, elapsedMs: observation.elapsedMs + path.now() - startedAt };
}

async function probeInQuiet(path: Path, server: DiscoveryServer, change: Change): Promise<ChangeOutcome> {
  const opened = await path.open();
  if (!opened.ok) return 'unclear';
  const socket = opened.value;
  await path.sleep(QUIET_MS);
  const outcome = await askForChange(socket, server, change);
  await path.sleep(QUIET_MS);
  const plain = await socket.askPlainly(server.primary, server);
  socket.close();
  return outcome === 'silent' && !(plain.ok && plain.value.sends === 1) ? 'unclear' : outcome;
}

/** What the observation means, with what is known of the server (RFC 5780 §4.4). */
export function judgeFiltering(
  server: DiscoveryServer,
  { both, port, elapsedMs }: FilterObservation,
  alternates: Alternates,
): Finding<Behavior> {
  const oddity = [both, port].find((outcome) => outcome in oddities) as keyof typeof oddities | undefined;
  if (oddity !== undefined) return unknown(oddities[oddity]);
  const found = (value: Behavior, evidence: string, proven: boolean): Finding<Behavior> => {
    return { state: 'found', value, confidence: proven ? 'high' : 'medium', evidence, elapsedMs };
  };
  const from = (change: Change) => formatTransportAddress(answersFrom(server, change));
  if (both === 'answered') {
    // Who lets in a stranger's address lets in a stranger's port too, unless the server did not send from there.
    if (port === 'silent' && alternates.otherPort !== undefined) {
      return unknown(
        `An answer came from ${from('both')} but none from ${from('port')}, which fits no kind of filter.`,
      );
    }
    const evidence = `An answer came from ${from('both')}, where nothing had been sent.`;
    return found('endpoint-independent', evidence, port === 'answered');
  }
  if (both === 'unclear' || port === 'unclear') {
    return unknown('The server did not answer reliably enough for its silence to mean anything.');
  }
  if (alternates.change === 'misbehaves') return unknown(oddities.elsewhere);
  if (alternates.change === 'fails') {
    return unknown(
      'The server did not answer from its other address even where nothing could stop the answer, so its silence means nothing.',
    );
  }
  const proven = alternates.change === 'works';
  if (port === 'answered') {
    if (alternates.other === undefined) {
      return unknown(`${from('both')} is not reachable, so no answer from there means nothing.`);
    }
    return found(
      'address-dependent',
      `An answer came from ${from('port')}, an address to which had been sent, and none from ${from('both')}.`,
      proven,
    );
  }
  if (alternates.otherPort === undefined) {
    return unknown(`${from('port')} is not reachable, so no answer from there means nothing.`);
  }
  return found(
    'address-and-port-dependent',
    `No answer came from ${from('port')} or ${from('both')}, although both can be reached.`,
    proven,
  );
}

const oddities = {
  ignored: 'The server ignores CHANGE-REQUEST: it answers from the address that was asked.',
  elsewhere: 'The server answers CHANGE-REQUEST from another address than it announces.',
  refused: 'The server refuses CHANGE-REQUEST.',
} as const;
