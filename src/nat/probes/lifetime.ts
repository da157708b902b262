import { writeResponsePort } from '../../stun/attributes/nat-behavior.ts';
import { sameAddress } from '../../stun/ip-address.ts';
import { ReadResult, StunMessage } from '../../stun/message.ts';
import { MessageClass } from '../../stun/protocol.ts';
import { type Finding, unknown } from '../finding.ts';
import type { FamilyReport } from '../report.ts';
import type { DiscoveryServer } from '../servers/server-qualification.ts';
import type { Path, ProbeSocket } from './path.ts';
import { probeRetransmission } from './probe-retransmission.ts';

/** Idle times to begin with, in seconds; RFC 4787 §4.3 wants mappings to last for two minutes, and better for five. */
const FIRST_STEPS: readonly number[] = [2, 5, 10, 20, 40, 80, 160, 320];
/** A busy machine wakes late: a mapping that was idle for so much longer than it should may be gone for that. */
const LATE_MS = 500;
/** How many idle times are tried at once between the longest that was survived and the shortest that was not. */
const STEPS_BETWEEN = 4;

type Lifetime = FamilyReport['lifetime'] extends Finding<infer T> ? T : never;

/**
 * How long an idle mapping lives (RFC 5780 §4.6): a socket learns its outside port and falls silent, and after a while another
 * one asks the server with RESPONSE-PORT to answer to that port. Several idle times are tried side by side, each with two
 * sockets, and then those in between, until the bounds are a second or a tenth apart. What is known at the deadline stands.
 */
export async function findLifetime(path: Path, server: DiscoveryServer): Promise<FamilyReport['lifetime']> {
  const startedAt = path.now();
  const opened = await path.open();
  if (!opened.ok) return unknown('No socket could be opened.');
  const asker = opened.value;
  const works = await survives(path, asker, server, 0);
  const bounds = works === 'alive' ? await search(path, asker, server) : undefined;
  asker.close();
  if (works === 'gone') return unknown('The server does not answer to the port that RESPONSE-PORT names.');
  if (bounds === undefined || bounds.aliveAfterSeconds === 0) {
    return unknown(
      bounds?.goneAfterSeconds
        ? 'Mappings were gone sooner than could be measured.'
        : 'The server did not answer reliably enough, or there was no time.',
    );
  }
  const { aliveAfterSeconds, goneAfterSeconds } = bounds;
  const until = goneAfterSeconds === null ? 'and longer was not tried' : `and not ${goneAfterSeconds} s`;
  return {
    state: 'found',
    value: bounds,
    confidence: goneAfterSeconds === null ? 'medium' : 'high',
    evidence: `A mapping survived ${aliveAfterSeconds} s without a packet, ${until}.`,
    elapsedMs: path.now() - startedAt,
  };
}

async function search(path: Path, asker: ProbeSocket, server: DiscoveryServer): Promise<Lifetime> {
  const bounds = { aliveAfterSeconds: 0, goneAfterSeconds: null as number | null };
  let steps = FIRST_STEPS;
  while (steps.length > 0 && !path.over) {
    const before = { ...bounds };
    await tryAll(path, asker, server, steps, bounds);
    const { aliveAfterSeconds: low, goneAfterSeconds: high } = bounds;
    if (high === null || (low === before.aliveAfterSeconds && high === before.goneAfterSeconds)) break;
    steps = stepsBetween(low, high);
  }
  return bounds;
}

/** Whole seconds between the bounds, evenly spread; none when they are close enough. */
function stepsBetween(low: number, high: number): number[] {
  if (high - low <= Math.max(1, low / 10)) return [];
  const steps = Array.from({ length: STEPS_BETWEEN }, (_, i) =>
    Math.round(low + ((high - low) * (i + 1)) / (STEPS_BETWEEN + 1)),
  );
  return [...new Set(steps)].filter((step) => step > low && step < high);
}

/** Tries several idle times at once, and stops when one was not survived: longer ones will not be either. */
async function tryAll(
  path: Path,
  asker: ProbeSocket,
  server: DiscoveryServer,
  steps: readonly number[],
  bounds: { aliveAfterSeconds: number; goneAfterSeconds: number | null },
): Promise<void> {
  for (const outcome of startAll(path, asker, server, steps)) {
    const { seconds, state } = await outcome;
    if (state === 'alive') bounds.aliveAfterSeconds = Math.max(bounds.aliveAfterSeconds, seconds);
    if (state !== 'gone') continue;
    bounds.goneAfterSeconds = seconds;
    return;
  }
}

function startAll(path: Path, asker: ProbeSocket, server: DiscoveryServer, steps: readonly number[]) {
  return steps.map(async (seconds) => ({ seconds, state: await survives(path, asker, server, seconds) }));
}

type Survival = 'alive' | 'gone' | 'unclear';

/** Whether a mapping survives so much idle time, tried with two sockets: one that did is enough, and both must not have. */
async function survives(path: Path, asker: ProbeSocket, server: DiscoveryServer, seconds: number): Promise<Survival> {
  const outcomes = await Promise.all([
    survivesOnce(path, asker, server, seconds),
    survivesOnce(path, asker, server, seconds),
  ]);
  if (outcomes.includes('alive')) return 'alive';
  return outcomes.includes('unclear') ? 'unclear' : 'gone';
}

async function survivesOnce(
  path: Path,
  asker: ProbeSocket,
  server: DiscoveryServer,
  seconds: number,
): Promise<Survival> {
  const opened = await path.open();
  if (!opened.ok) return 'unclear';
  const socket = opened.value;
  const outcome = await idle(path, socket, asker, server, seconds);
  socket.close();
  return outcome;
}

async function idle(
  path: Path,
  socket: ProbeSocket,
  asker: ProbeSocket,
  server: DiscoveryServer,
  seconds: number,
): Promise<Survival> {
  const { primary, roundTripMs } = server;
  const learnt = await socket.askPlainly(primary, { roundTripMs });
  if (!learnt.ok) return 'unclear';
  const { mappedAddress, message } = learnt.value;
  const learntAt = path.now();
  if (seconds > 0) await path.sleep(seconds * 1000);
  let idledMs = 0;
  const heard = new Promise<boolean>((resolve) => {
    socket.client.onOther = (bytes) => isAnswer(bytes, message.transactionId) && resolve(true);
  });
  const asked = asker.ask(primary, {
    write: (writer) => {
      idledMs = path.now() - learntAt;
      writeResponsePort(writer, mappedAddress.port);
    },
    retransmission: probeRetransmission(roundTripMs),
    attempts: 1,
  });
  const arrived = await Promise.race([heard, asked.then(() => false)]);
  if (arrived) return 'alive';
  const answer = await asked;
  // An answer that came back to the one that asked: the server ignores RESPONSE-PORT.
  if (answer.ok || answer.error.kind !== 'timeout') return 'unclear';
  if (idledMs > seconds * 1000 + LATE_MS) return 'unclear';
  // The other socket must leave under the same address, or the answer went elsewhere.
  const control = await asker.askPlainly(primary, { roundTripMs });
  return control.ok && sameAddress(control.value.mappedAddress.ip, mappedAddress.ip) ? 'gone' : 'unclear';
}

/** Whether it is an answer, and not one that the socket itself had asked for and got twice. */
function isAnswer(bytes: Buffer, own: Buffer): boolean {
  const message = new StunMessage();
  return (
    message.read(bytes, 0, bytes.length) === ReadResult.ok &&
    message.messageClass === MessageClass.success &&
    !message.transactionId.equals(own)
  );
}
