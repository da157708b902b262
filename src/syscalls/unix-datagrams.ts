import { SystemCallError, viewOf } from './datagram-sockets.ts';
import type { Libc, NativeMemory } from './libc.ts';
import { SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from './structures.ts';

const AF_UNIX = 1;
/** struct sockaddr_un: the family and up to 108 bytes of path. */
const PATH_AT = 2;
const PATH_LENGTH = 108;
const MESSAGE_AT = 128;
const MESSAGE_LENGTH = 2048;
const ENAMETOOLONG = 36;
const EMSGSIZE = 90;

/** Datagrams over Unix sockets, which Node does not have. A path that begins with `@` is a name in the abstract namespace. */
export class UnixDatagrams {
  readonly #libc: Libc;
  readonly #memory: NativeMemory;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#memory = libc.memory(MESSAGE_AT + MESSAGE_LENGTH);
  }

  /** Sends one datagram, or says why not: `EAGAIN` when the receiver has no room at this moment. */
  send(path: string, text: string): SystemCallError | undefined {
    const message = Buffer.from(text);
    if (message.length > MESSAGE_LENGTH) return new SystemCallError('write', EMSGSIZE);
    const address = this.#writeAddress(path);
    if (address instanceof SystemCallError) return address;
    // One that would wait could hold up the thread for as long as the receiver likes.
    const descriptor = this.#open();
    if (descriptor instanceof SystemCallError) return descriptor;
    try {
      if (this.#libc.connect(descriptor, this.#memory.address, address) < 0) return this.#error('connect');
      message.copy(this.#memory.bytes, MESSAGE_AT);
      const written = this.#libc.write(descriptor, this.#memory.address + MESSAGE_AT, message.length);
      return written < 0 ? this.#error('write') : undefined;
    } finally {
      this.#libc.close(descriptor);
    }
  }

  /** Opens a socket that receives at this path; whoever asks closes it, and removes the path. */
  listen(path: string): number | SystemCallError {
    const address = this.#writeAddress(path);
    if (address instanceof SystemCallError) return address;
    const descriptor = this.#open();
    if (descriptor instanceof SystemCallError) return descriptor;
    if (this.#libc.bind(descriptor, this.#memory.address, address) >= 0) return descriptor;
    const error = this.#error('bind');
    this.#libc.close(descriptor);
    return error;
  }

  /** Takes one datagram; `undefined` when none waits. */
  receive(descriptor: number): string | undefined {
    const length = this.#libc.read(descriptor, this.#memory.address + MESSAGE_AT, MESSAGE_LENGTH);
    return length < 0 ? undefined : this.#memory.bytes.toString('utf8', MESSAGE_AT, MESSAGE_AT + length);
  }

  #open(): number | SystemCallError {
    const descriptor = this.#libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return descriptor < 0 ? this.#error('socket') : descriptor;
  }

  /** Writes the socket address and says how long it is. */
  #writeAddress(path: string): number | SystemCallError {
    const abstract = path.startsWith('@');
    const name = Buffer.from(abstract ? `\0${path.slice(1)}` : `${path}\0`);
    if (name.length > PATH_LENGTH) return new SystemCallError('connect', ENAMETOOLONG);
    viewOf(this.#memory).setUint16(0, AF_UNIX, true);
    name.copy(this.#memory.bytes, PATH_AT);
    return PATH_AT + name.length;
  }

  #error(call: string): SystemCallError {
    return new SystemCallError(call, this.#libc.errno());
  }
}
