/** What somebody sends to a server that does not know them: packets that are worth an answer, and such that are not. */
import { MessageWriter } from '../stun/message-writer.ts';
import { MessageClass, Method } from '../stun/protocol.ts';

export interface StrangerPacket {
  /** For people and programs. */
  readonly name: string;
  readonly bytes: Buffer;
  /** Whether a server has anything to say to it. */
  readonly deservesAnswer: boolean;
}

/** Bytes of a STUN transaction id (RFC 8489 §5), and of the longer one of RFC 3489. */
const [idLength, classicIdLength] = [12, 16];

/**
 * The smallest packets that draw an answer, as somebody would send who forges the sender, and garbage. Answers to garbage or to
 * answers are worse than large ones: two servers can be set on each other with a single forged packet.
 */
export function strangerPackets(random: (bytes: number) => Buffer): StrangerPacket[] {
  const worth = (name: string, bytes: Buffer) => ({ name, bytes, deservesAnswer: true });
  const garbage = (name: string, bytes: Buffer) => ({ name, bytes, deservesAnswer: false });
  const { request, success, error } = MessageClass;
  return [
    worth('Binding', message(request, Method.binding, random(idLength))),
    // The id takes the place of the magic cookie, whose absence makes it a request of RFC 3489.
    worth(
      'Binding of RFC 3489',
      message(request, Method.binding, Buffer.concat([Buffer.of(1), random(classicIdLength - 1)])),
    ),
    worth('Allocate', unauthenticatedAllocate(random)),
    worth('Refresh', message(request, Method.refresh, random(idLength))),
    garbage('random bytes', Buffer.concat([Buffer.of(0xff), random(19)])),
    garbage('text', Buffer.from('GET / HTTP/1.0\r\n\r\n')),
    garbage('an answer', message(success, Method.binding, random(idLength))),
    garbage('an error answer', message(error, Method.binding, random(idLength))),
  ];
}

/** An Allocate request with nothing in it: it never allocates, for it lacks REQUESTED-TRANSPORT (RFC 8656 §7.2). */
export function unauthenticatedAllocate(random: (bytes: number) => Buffer): Buffer {
  return message(MessageClass.request, Method.allocate, random(idLength));
}

function message(messageClass: MessageClass, method: number, id: Buffer): Buffer {
  return new MessageWriter(20).begin(messageClass, method, id).finish();
}
