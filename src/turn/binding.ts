import { writeXorAddress } from '../stun/attributes/address.ts';
import { Attribute } from '../stun/protocol.ts';
import { answerContext, type Request, succeed } from './request.ts';
import type { ServerState } from './server-state.ts';

/** Answers a Binding request with the address it came from (RFC 8489 §6.3.1, §12). */
export function binding(state: ServerState, request: Request): void {
  succeed(state, answerContext(request, undefined), (writer) => {
    writeXorAddress(writer, Attribute.xorMappedAddress, request.client);
  });
}
