import { beforeEach, describe, expect, it } from 'vitest';
import { IpAddress } from '../stun/ip-address.ts';
import { systemErrorName } from './datagram-sockets.ts';
import type { Libc, NativeMemory } from './libc.ts';
import { Outbox, SendQueue } from './outbox.ts';
import { Errno, IOVEC_LENGTH, MMSGHDR_LENGTH, Mmsghdr, Sockaddr } from './structures.ts';

const ip = IpAddress.parse('192.0.2.1')!;

/** A message as the kernel gets it: where it goes, and the lengths of the datagrams that it is to become. */
interface Message {
  readonly port: number;
  readonly lengths: readonly number[];
}

/** A kernel that takes what the test lets it take. */
class ScriptedKernel {
  /** The errno with which a message is refused; 0 when it is taken. */
  judge: (message: Message) => number = () => 0;
  taken: Message[] = [];
  calls = 0;
  #errno = 0;
  readonly #memories: NativeMemory[] = [];

  readonly libc = {
    memory: (length: number) => {
      const memory = { address: (this.#memories.length + 1) * 2 ** 32, bytes: Buffer.alloc(length) };
      this.#memories.push(memory);
      return memory;
    },
    sendmmsg: (_descriptor: number, messages: number, count: number) => {
      this.calls++;
      for (let i = 0; i < count; i++) {
        const message = this.#read(messages + i * MMSGHDR_LENGTH);
        this.#errno = this.judge(message);
        if (this.#errno !== 0) return i === 0 ? -1 : i;
        this.taken.push(message);
      }
      return count;
    },
    errno: () => this.#errno,
  } as unknown as Libc;

  #read(at: number): Message {
    const number = (address: number) => Number(this.#at(address).readBigUInt64LE());
    const iovecs = number(at + Mmsghdr.iov);
    const lengths = Array.from({ length: number(at + Mmsghdr.iovCount) }, (_, i) =>
      number(iovecs + i * IOVEC_LENGTH + 8),
    );
    return { port: this.#at(number(at + Mmsghdr.name)).readUInt16BE(Sockaddr.port), lengths };
  }

  #at(address: number): Buffer {
    const { bytes } = this.#memories[Math.floor(address / 2 ** 32) - 1]!;
    return bytes.subarray(address % 2 ** 32);
  }
}

let kernel: ScriptedKernel;
let outbox: Outbox;
let queue: SendQueue;
let failures: string[];

beforeEach(() => {
  kernel = new ScriptedKernel();
  failures = [];
  outbox = new Outbox(kernel.libc, 128, { failed: (errno, n) => failures.push(`${systemErrorName(errno)} ${n}`) });
  queue = new SendQueue(7);
});

/** Sends datagrams of one length to a port, and whatever else waits. */
function send(port: number, count: number, length = 1000): void {
  for (let i = 0; i < count; i++) outbox.add(queue, 2 ** 20, length, ip, port, -1, 0);
}

/** How datagrams of 1000 bytes leave at this moment. */
function joined(): (readonly number[])[] {
  kernel.judge = () => 0;
  kernel.taken = [];
  send(1, 3);
  outbox.flushAll();
  return kernel.taken.map(({ lengths }) => lengths);
}

const asOne = [[1000, 1000, 1000]];
const oneByOne = [[1000], [1000], [1000]];

/** Refuses the first message, whatever it is. */
function once(errno: number): () => number {
  let told = false;
  return () => {
    if (told) return 0;
    told = true;
    return errno;
  };
}

describe('an outbox joins datagrams of one size to one address', () => {
  it.each([Errno.EIO, Errno.EINVAL, Errno.EMSGSIZE])(
    'and sends them one by one, each once, when the kernel refuses that (%i)',
    (errno) => {
      kernel.judge = ({ lengths }) => (lengths.length > 1 && lengths[0]! > 500 ? errno : 0);
      send(1, 3);
      send(2, 2, 100);
      send(3, 2);
      outbox.flushAll();
      expect(kernel.taken.flatMap(({ port, lengths }) => lengths.map((length) => [port, length]))).toEqual([
        ...[1, 1, 1].map((port) => [port, 1000]),
        ...[2, 2].map((port) => [port, 100]),
        ...[3, 3].map((port) => [port, 1000]),
      ]);
      expect(failures).toEqual([]);
      expect(outbox.counters.datagrams).toBe(7);
      expect(joined()).toEqual(oneByOne);
    },
  );

  it('again after a while, since a refusal is that of one path', () => {
    kernel.judge = ({ lengths }) => (lengths.length > 1 ? Errno.EIO : 0);
    send(1, 3);
    outbox.flushAll();
    expect(joined()).toEqual(oneByOne);
    for (let flush = 0; flush < 1000; flush++) outbox.flushAll();
    expect(joined()).toEqual(asOne);
  });

  it.each([Errno.ECONNREFUSED, Errno.EMSGSIZE, Errno.EOPNOTSUPP, Errno.ENOPROTOOPT])(
    'whatever an ICMP error about an earlier datagram says (%i)',
    (errno) => {
      kernel.judge = once(errno);
      send(1, 3);
      outbox.flushAll();
      expect(kernel.taken).toEqual([{ port: 1, lengths: [1000, 1000, 1000] }]);
      expect(failures).toEqual([]);
      expect(joined()).toEqual(asOne);
    },
  );

  it('whatever becomes of those that the kernel does not send one by one either', () => {
    kernel.judge = ({ port }) => (port === 0 ? Errno.EINVAL : 0);
    send(0, 2);
    send(1, 2);
    outbox.flushAll();
    expect(failures).toEqual(['EINVAL 1', 'EINVAL 1']);
    expect(kernel.taken.flatMap(({ port, lengths }) => lengths.map(() => port))).toEqual([1, 1]);
    expect(joined()).toEqual(asOne);
  });
});

describe('an outbox that cannot send', () => {
  it('gives up what waits behind a full buffer, and nothing of another socket', () => {
    const other = new SendQueue(8);
    kernel.judge = ({ port }) => (port === 2 ? Errno.EAGAIN : 0);
    send(1, 1);
    send(2, 2);
    send(3, 1);
    outbox.add(other, 2 ** 20, 10, ip, 4, -1, 0);
    outbox.flushAll();
    expect(kernel.taken.map(({ port }) => port)).toEqual([1, 4]);
    expect(failures).toEqual(['EAGAIN 2', 'EAGAIN 1']);
    expect(outbox.free).toBe(outbox.capacity);
  });

  it('blames an error on its datagram alone', () => {
    kernel.judge = ({ port }) => (port === 2 ? Errno.ENETUNREACH : 0);
    for (const port of [1, 2, 3]) send(port, 1);
    outbox.flushAll();
    expect(kernel.taken.map(({ port }) => port)).toEqual([1, 3]);
    expect(failures).toEqual(['ENETUNREACH 1']);
  });
});
