import type { Clock } from '../client/clock.ts';
import type { MessageSocket } from '../client/message-socket.ts';
import { failure, type Result, success } from '../client/result.ts';
import { describeTransportError, type TransportError } from '../client/transport-error.ts';
import type { Advice } from '../ladder/advice.ts';
import { AddressFamily } from '../stun/protocol.ts';
import type { SecurityDependencies } from './dependencies.ts';
import type { SecurityFinding } from './report.ts';
import { type StrangerPacket, strangerPackets, unauthenticatedAllocate } from './stranger-packets.ts';
import { pause } from './time-limit.ts';

/**
 * From which factor on answers are larger than STUN needs, in bytes of UDP payload, as amplification is usually given.
 *
 * The largest answer to a stranger is a 401. With realm, nonce, a choice of algorithms, SOFTWARE and FINGERPRINT, each name of 40
 * characters, it takes 200 bytes, and the smallest request that draws it 20. Usual ones stay at half of that: coturn 4.6 sends 5.2
 * times the request, taciturn 4.8, node-turn 4.6. The 3 of QUIC (RFC 9000 §8.1) no server can keep here, since requests of STUN need
 * no padding; protocols that are used for attacks have tens to thousands.
 */
export const MAX_FACTOR = 10;

/** Milliseconds to wait for an answer; what got none is sent once more. */
const answerWaitMs = 600;
/** Milliseconds in which further answers to the same packet come. */
const moreAnswersMs = 100;
/** Of a server that has answered, nothing more is expected after so many times as long as that took. */
const patience = { factor: 3, leastMs: 150 } as const;
const pollMs = 10;
const burst = { requests: 50, intervalMs: 10 } as const;
const headerLengths = new Map<AddressFamily, number>([
  [AddressFamily.ipv4, 28],
  [AddressFamily.ipv6, 48],
]);

/** What one packet drew from the server. */
interface Drawn {
  readonly packet: StrangerPacket;
  readonly sends: number;
  /** Until the first answer, or until it was given up. */
  readonly elapsedMs: number;
  readonly answers: number;
  readonly answeredBytes: number;
}

/**
 * How much larger the answers to a stranger are than what was sent, whether garbage is answered, and whether a stranger gets fewer.
 *
 * @param others ends when nothing else is asked of the server any more: the burst may use up what it allows a stranger.
 */
export async function amplification(
  dependencies: SecurityDependencies,
  others: Promise<unknown>,
): Promise<SecurityFinding> {
  if (dependencies.transport !== 'udp') return notOverUdp;
  const packets = strangerPackets(dependencies.random);
  const requests = packets.filter(({ deservesAnswer }) => deservesAnswer);
  const garbage = packets.filter(({ deservesAnswer }) => !deservesAnswer);
  const toRequests = await Promise.all(requests.map((packet) => draw(packet, answerWaitMs, dependencies)));
  const waitMs = silenceAfter(toRequests);
  const toGarbage = await Promise.all(garbage.map((packet) => draw(packet, waitMs, dependencies)));
  const results = [...toRequests, ...toGarbage];
  await others;
  const drawn = results.flatMap((result) => (result.ok ? [result.value] : []));
  const failed = results.find((result) => !result.ok);
  if (failed && !failed.ok) return untried(describeTransportError(failed.error));
  if (drawn.every(({ answers }) => answers === 0)) return untried('the server answers nothing over UDP');
  return findingOf(drawn, await answersInBurst(dependencies, waitMs), dependencies.server.ip.family);
}

async function draw(
  packet: StrangerPacket,
  waitMs: number,
  dependencies: SecurityDependencies,
): Promise<Result<Drawn, TransportError>> {
  const { clock } = dependencies;
  const opened = await countingSocket(dependencies);
  if (!opened.ok) return opened;
  const { socket, received } = opened.value;
  const startedAt = clock.now();
  let sends = 0;
  while (sends < 2 && received.answers === 0) {
    socket.send(packet.bytes, dependencies.server);
    sends++;
    await waitFor(clock, waitMs, () => received.answers > 0);
  }
  const elapsedMs = clock.now() - startedAt;
  if (received.answers > 0) await pause(clock, moreAnswersMs);
  socket.close();
  return success({ packet, sends, elapsedMs, ...received });
}

/** How many of 50 requests within half a second are answered; `undefined` where no socket could be had. */
async function answersInBurst(dependencies: SecurityDependencies, waitMs: number): Promise<number | undefined> {
  const { clock, random, server } = dependencies;
  const opened = await countingSocket(dependencies);
  if (!opened.ok) return undefined;
  const { socket, received } = opened.value;
  await atIntervals(clock, burst, () => socket.send(unauthenticatedAllocate(random), server));
  await waitFor(clock, waitMs, () => received.answers >= burst.requests);
  socket.close();
  return received.answers;
}

/** How long to wait before silence counts, by how long the answers to requests took. */
function silenceAfter(results: readonly Result<Drawn, TransportError>[]): number {
  const times = results.flatMap((result) => (result.ok && result.value.answers > 0 ? [result.value.elapsedMs] : []));
  if (times.length === 0) return answerWaitMs;
  return Math.min(answerWaitMs, Math.max(patience.leastMs, patience.factor * Math.max(...times)));
}

async function waitFor(clock: Clock, milliseconds: number, isOver: () => boolean): Promise<void> {
  const endsAt = clock.now() + milliseconds;
  while (!isOver() && clock.now() < endsAt) await pause(clock, pollMs);
}

async function atIntervals(clock: Clock, { requests, intervalMs }: typeof burst, action: () => void): Promise<void> {
  for (let i = 0; i < requests; i++) {
    if (i > 0) await pause(clock, intervalMs);
    action();
  }
}

interface CountingSocket {
  readonly socket: MessageSocket;
  readonly received: { answers: number; answeredBytes: number };
}

async function countingSocket({ openUdp }: SecurityDependencies): Promise<Result<CountingSocket, TransportError>> {
  const opened = await openUdp();
  if (!opened.ok) return failure(opened.error);
  const received = { answers: 0, answeredBytes: 0 };
  opened.value.onMessage = (bytes) => {
    received.answers++;
    received.answeredBytes += bytes.length;
  };
  return success({ socket: opened.value, received });
}

function findingOf(drawn: readonly Drawn[], answered: number | undefined, family: AddressFamily): SecurityFinding {
  const worst = drawn.reduce((one, other) => (factorOf(other) > factorOf(one) ? other : one));
  const factor = rounded(factorOf(worst));
  const answersTo = drawn.filter(({ packet, answers }) => !packet.deservesAnswer && answers > 0);
  const facts = {
    factor,
    limit: MAX_FACTOR,
    answers: drawn.map((one) => ({
      to: one.packet.name,
      sentBytes: one.packet.bytes.length,
      answeredBytes: rounded(one.answeredBytes / one.sends),
      factor: rounded(factorOf(one)),
      factorWithHeaders: rounded(factorOf(one, headerLengths.get(family))),
    })),
    burst: { ...burst, answered },
  };
  const sizes = `${factor} times what is sent (${worst.packet.name})`;
  const limited = answered === undefined ? '' : `; ${answered} of ${burst.requests} requests in a burst answered`;
  const finding = { subject: 'amplification', facts } as const;
  if (answersTo.length > 0) {
    const what = answersTo.map(({ packet }) => packet.name).join(', ');
    return {
      ...finding,
      state: 'unsafe',
      detail: `answers what is no request (${what})`,
      advice: answersGarbage(what),
    };
  }
  if (factor > MAX_FACTOR) return { ...finding, state: 'unsafe', detail: `answers ${sizes}`, advice: tooLarge(factor) };
  return { ...finding, state: 'safe', detail: `answers at most ${sizes}${limited}` };
}

/** Bytes of answers for each byte sent; `headerLength` is that of IP and UDP, for the factor on the wire. */
function factorOf({ packet, sends, answers, answeredBytes }: Drawn, headerLength = 0): number {
  return (answeredBytes + answers * headerLength) / (sends * (packet.bytes.length + headerLength));
}

function rounded(number: number): number {
  return Math.round(number * 10) / 10;
}

const notOverUdp: SecurityFinding = {
  subject: 'amplification',
  state: 'safe',
  detail: 'none over TCP, where senders cannot be forged',
  facts: { factor: undefined, limit: MAX_FACTOR },
};

function untried(why: string): SecurityFinding {
  return {
    subject: 'amplification',
    state: 'not-tested',
    detail: why,
    facts: { limit: MAX_FACTOR },
    advice: {
      code: 'not_tried',
      cause: `How large the answers to strangers are was not found out: ${why}.`,
      fix: 'See to it that the server can be reached over UDP, as the steps of the check show it, and try again.',
    },
  };
}

function tooLarge(factor: number): Advice {
  return {
    code: 'large_answers',
    cause: `What a stranger sends is answered with ${factor} times as many bytes. With a forged sender, the server is a weapon against whoever owns that address.`,
    fix: 'Shorten its realm and its software name; with coturn set no-software-attribute. Have a firewall limit how many packets a second one address may send to it.',
  };
}

function answersGarbage(what: string): Advice {
  return {
    code: 'answers_to_no_request',
    cause: `The server answers what is no request (${what}). One packet with a forged sender sets two such servers on each other, and they answer one another without end.`,
    fix: 'Update the server, or use another one. Until then, have a firewall drop UDP packets that come from port 3478 or from its own port.',
  };
}
