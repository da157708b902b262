import { HEADER_LENGTH, MAGIC_COOKIE } from '../../src/stun/protocol.ts';

const INDICATION = 0x010;
const RESPONSE = 0x100;
const REMEMBERED = 20_000;

/** Whether this is a STUN message, by the header alone; a server must not answer anything else. */
function isStun(bytes: Buffer): boolean {
  return bytes.length >= HEADER_LENGTH && bytes[0]! < 0x40 && bytes.readUInt32BE(4) === MAGIC_COOKIE;
}

function transactionId(bytes: Buffer): string {
  return bytes.toString('latin1', 8, HEADER_LENGTH);
}

/** Watches one socket: whatever comes back as an answer must be one to a request that was sent there. */
export class AnswerWatch {
  /** What should never have come. */
  readonly violations: string[] = [];
  answers = 0;
  readonly #mayReceiveData: boolean;
  /** Transaction ids of the last requests, oldest first: answers wait in the socket, but not for ever. */
  readonly #requests = new Set<string>();

  /** @param mayReceiveData whether Data indications and ChannelData may come as well, as to a client with an allocation. */
  constructor(mayReceiveData = false) {
    this.#mayReceiveData = mayReceiveData;
  }

  sent(bytes: Buffer): void {
    if (!isStun(bytes) || (bytes.readUInt16BE(0) & (RESPONSE | INDICATION)) !== 0) return;
    this.#requests.add(transactionId(bytes));
    if (this.#requests.size <= REMEMBERED) return;
    const [oldest] = this.#requests;
    this.#requests.delete(oldest!);
  }

  received(bytes: Buffer): void {
    const answers = isStun(bytes) && (bytes.readUInt16BE(0) & RESPONSE) !== 0;
    if (answers) {
      this.answers++;
      if (!this.#requests.has(transactionId(bytes))) this.violations.push(`answer: ${bytes.toString('hex')}`);
    } else if (!this.#mayReceiveData) {
      this.violations.push(`no answer: ${bytes.toString('hex')}`);
    }
  }
}
