import { writeAddress, writeXorAddress } from '../stun/attributes/address.ts';
import { readChangeRequest, readResponsePort, writePadding } from '../stun/attributes/nat-behavior.ts';
import { Attribute, ErrorCode } from '../stun/protocol.ts';
import type { Listener } from './five-tuple.ts';
import type { Alternates } from './nat-discovery.ts';
import { answerContext, type Refusal, type Request, refuse, succeed } from './request.ts';
import type { ServerState } from './server-state.ts';

/** An answer is made as large as the request's padding, but never larger than this: enough to be fragmented (RFC 5780 §7.6). */
const LARGEST_PADDING = 1500;

/**
 * Answers a Binding request with the address it came from (RFC 8489 §6.3.1, §12); where NAT discovery is set up, from the
 * place that was asked for (RFC 5780 §6.1).
 */
export function binding(state: ServerState, request: Request): Refusal | undefined {
  const alternates = state.natDiscovery?.alternates(request.listener.local);
  const wishes = alternates === undefined ? plainWishes : readWishes(request);
  if ('code' in wishes) return wishes;
  const from = responder(request.listener, alternates, wishes);
  if (from === undefined) return refuse(ErrorCode.serverError, 'the socket for the changed address is not open');

  const { client } = request;
  const to = { ip: client.ip, port: wishes.responsePort ?? client.port };
  const context = { ...answerContext(request, undefined), listener: from, client: to };
  succeed(state, context, (writer) => {
    if (request.classic) {
      writeAddress(writer, Attribute.mappedAddress, client);
      writeAddress(writer, Attribute.sourceAddress, from.local);
      if (alternates !== undefined) writeAddress(writer, Attribute.changedAddress, alternates.other);
      return;
    }
    writeXorAddress(writer, Attribute.xorMappedAddress, client);
    if (alternates === undefined) return;
    // Both forms, so that a gateway that rewrites addresses in packets shows.
    writeAddress(writer, Attribute.mappedAddress, client);
    writeAddress(writer, Attribute.responseOrigin, from.local);
    writeAddress(writer, Attribute.otherAddress, alternates.other);
    if (wishes.padding > 0) writePadding(writer, wishes.padding);
  });
  return undefined;
}

interface Wishes {
  readonly changeIp: boolean;
  readonly changePort: boolean;
  readonly responsePort: number | undefined;
  readonly padding: number;
}

const plainWishes: Wishes = { changeIp: false, changePort: false, responsePort: undefined, padding: 0 };

function readWishes({ message }: Request): Wishes | Refusal {
  const changeIndex = message.find(Attribute.changeRequest);
  const portIndex = message.find(Attribute.responsePort);
  const paddingIndex = message.find(Attribute.padding);
  const change = changeIndex < 0 ? plainWishes : readChangeRequest(message, changeIndex);
  const responsePort = portIndex < 0 ? undefined : readResponsePort(message, portIndex);
  if (change === undefined || (portIndex >= 0 && (responsePort === undefined || responsePort === 0))) {
    return refuse(ErrorCode.badRequest, 'CHANGE-REQUEST or RESPONSE-PORT is malformed');
  }
  // Both together would fragment packets to a port that did not ask (RFC 5780 §7.6).
  if (portIndex >= 0 && paddingIndex >= 0) return refuse(ErrorCode.badRequest, 'RESPONSE-PORT together with PADDING');
  const padding = paddingIndex < 0 ? 0 : Math.min(message.lengthAt(paddingIndex), LARGEST_PADDING);
  return { changeIp: change.changeIp, changePort: change.changePort, responsePort, padding };
}

function responder(
  listener: Listener,
  alternates: Alternates | undefined,
  { changeIp, changePort }: Wishes,
): Listener | undefined {
  if (alternates === undefined || (!changeIp && !changePort)) return listener;
  return alternates.responder(changeIp, changePort);
}
