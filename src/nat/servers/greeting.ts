import { describeFailure, type RequestFailure } from '../../client/request-failure.ts';
import type { Result } from '../../client/result.ts';
import { type BindingAnswer, readIfPresent } from '../../client/stun-client.ts';
import type { TransportError } from '../../client/transport-error.ts';
import { readXorAddress } from '../../stun/attributes/address.ts';
import { formatTransportAddress, type TransportAddress } from '../../stun/ip-address.ts';
import { Attribute } from '../../stun/protocol.ts';
import type { Path, ProbeSocket } from '../probes/path.ts';
import { sameEndpoint } from '../probes/sighting.ts';

/** How long a first request may go unanswered before a second one, from another socket, follows. */
const SECOND_TRY_MS = 500;

/** What became of a first request to a server. */
export type Greeting =
  | { readonly kind: 'answered'; readonly answer: BindingAnswer; readonly local: TransportAddress }
  /** An answer came, so packets get through both ways, but it cannot be used; `why` is a sentence. */
  | { readonly kind: 'odd'; readonly why: string }
  /** Something came back from there that answers nothing that was asked. */
  | { readonly kind: 'garbled' }
  /** The system reported that the packets were refused on their way or there: an ICMP error. */
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'no-route'; readonly code: string }
  | { readonly kind: 'no-address'; readonly code: string }
  | { readonly kind: 'failed'; readonly code: string }
  | { readonly kind: 'silent' }
  /** Time was up before anything could be said. */
  | { readonly kind: 'cut-short' };

/**
 * Sends a first Binding request. It leaves from a connected socket, which learns of refusals, and where nothing comes soon, once
 * more from an open one, which hears answers from elsewhere too.
 */
export async function greet(path: Path, server: TransportAddress): Promise<Greeting> {
  const connected = greetFrom(path, server, true);
  const early = await Promise.race([connected, path.sleep(SECOND_TRY_MS).then(() => undefined)]);
  if (early?.kind === 'refused') {
    const again = await greetFrom(path, server, true);
    return again.kind === 'cut-short' ? early : again;
  }
  if (early !== undefined) return early;
  return firstToSay([connected, greetFrom(path, server, false)]);
}

/** The first greeting that an answer came to, or else the one that says the most. */
async function firstToSay(greetings: readonly Promise<Greeting>[]): Promise<Greeting> {
  const answered = greetings.map(async (greeting) => {
    const outcome = await greeting;
    if (outcome.kind !== 'answered') throw outcome;
    return outcome;
  });
  try {
    return await Promise.any(answered);
  } catch {
    const outcomes = await Promise.all(greetings);
    return telling.flatMap((kind) => outcomes.find((outcome) => outcome.kind === kind) ?? [])[0]!;
  }
}

const telling: readonly Greeting['kind'][] = [
  'odd',
  'refused',
  'garbled',
  'no-route',
  'no-address',
  'failed',
  'cut-short',
  'silent',
];

async function greetFrom(path: Path, server: TransportAddress, connected: boolean): Promise<Greeting> {
  const opened = await path.open(connected ? server : undefined);
  if (!opened.ok) return withoutSocket(opened.error);
  const socket = opened.value;
  let heard = false;
  socket.client.onOther = (_bytes, from) => {
    heard ||= sameEndpoint(from, server);
  };
  const answer = await socket.ask(server, { attempts: 1, fromAnywhere: true });
  const greeting = toGreeting(server, socket, answer);
  socket.close();
  return greeting.kind === 'silent' && heard ? { kind: 'garbled' } : greeting;
}

function toGreeting(
  server: TransportAddress,
  socket: ProbeSocket,
  answer: Result<BindingAnswer, RequestFailure>,
): Greeting {
  if (!answer.ok) return withoutAnswer(answer.error);
  const { from, message } = answer.value;
  if (!sameEndpoint(from, server)) {
    return { kind: 'odd', why: `It answers from elsewhere, ${formatTransportAddress(from)}.` };
  }
  const mapped = readIfPresent(message, Attribute.xorMappedAddress, readXorAddress);
  if (mapped === undefined) {
    return {
      kind: 'odd',
      why: 'It sends no XOR-MAPPED-ADDRESS, and MAPPED-ADDRESS may have been rewritten on the way.',
    };
  }
  if (mapped.port === 0 || mapped.ip.family !== server.ip.family) {
    return { kind: 'odd', why: `It says that it sees ${formatTransportAddress(mapped)}, which cannot be.` };
  }
  return { kind: 'answered', answer: answer.value, local: socket.local };
}

function withoutAnswer(error: RequestFailure): Greeting {
  switch (error.kind) {
    case 'timeout':
      return { kind: 'silent' };
    case 'unreachable':
      return unreachable(error.code);
    case 'closed':
      return { kind: 'cut-short' };
    default:
      return { kind: 'odd', why: `It answers a Binding request with ${describeFailure(error)}.` };
  }
}

function withoutSocket({ code }: TransportError): Greeting {
  return code === 'DEADLINE' ? { kind: 'cut-short' } : unreachable(code);
}

/** What errors of the system say. Those of ICMP come as `ECONNREFUSED` and `EHOSTUNREACH`, those of a local firewall as `EPERM`. */
function unreachable(code: string): Greeting {
  switch (code) {
    case 'ECONNREFUSED':
    case 'EHOSTUNREACH':
    case 'EACCES':
    case 'EPERM':
    case 'ECONNRESET':
      return { kind: 'refused', code };
    case 'ENETUNREACH':
    case 'ENETDOWN':
    case 'EHOSTDOWN':
      return { kind: 'no-route', code };
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return { kind: 'no-address', code };
    default:
      return { kind: 'failed', code };
  }
}
