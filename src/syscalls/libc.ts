import { createRequire } from 'node:module';
import { arch, endianness, platform } from 'node:os';

/** The system calls that moving packets takes. Pointers are plain numbers; a failed call answers -1, and {@link errno} says why. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(descriptor: number, address: number, length: number): number;
  connect(descriptor: number, address: number, length: number): number;
  getsockname(descriptor: number, address: number, length: number): number;
  setsockopt(descriptor: number, level: number, option: number, value: number, length: number): number;
  getsockopt(descriptor: number, level: number, option: number, value: number, length: number): number;
  close(descriptor: number): number;
  recvmsg(descriptor: number, message: number, flags: number): number;
  recvmmsg(descriptor: number, messages: number, count: number, flags: number, timeout: number): number;
  sendmmsg(descriptor: number, messages: number, count: number, flags: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(poller: number, operation: number, descriptor: number, event: number): number;
  epoll_wait(poller: number, events: number, count: number, milliseconds: number): number;
  eventfd(initial: number, flags: number): number;
  /** Lets the thread sleep. */
  usleep(microseconds: number): number;
  prctl(option: number, a: number, b: number, c: number, d: number): number;
  read(descriptor: number, bytes: number, length: number): number;
  write(descriptor: number, bytes: number, length: number): number;
  /** Calls back whenever the descriptor is readable, from the event loop; until the function is called that is returned. */
  whenReadable(descriptor: number, callback: () => void): () => void;
  /** The error of the call before. */
  errno(): number;
  /** Memory that does not move, all zero, for as long as the thread lives; it is resident only where it was touched. */
  memory(bytes: number): NativeMemory;
}

/** What is not a function of the C library. */
type OfKoffi = 'whenReadable' | 'errno' | 'memory';

/** A stretch of memory that both JavaScript and the kernel know. */
export interface NativeMemory {
  readonly address: number;
  readonly bytes: Buffer;
}

const declarations = [
  'int socket(int, int, int)',
  'int bind(int, uintptr_t, uint32_t)',
  'int connect(int, uintptr_t, uint32_t)',
  'int getsockname(int, uintptr_t, uintptr_t)',
  'int setsockopt(int, int, int, uintptr_t, uint32_t)',
  'int getsockopt(int, int, int, uintptr_t, uintptr_t)',
  'int close(int)',
  'intptr_t recvmsg(int, uintptr_t, int)',
  'int recvmmsg(int, uintptr_t, uint32_t, int, uintptr_t)',
  'int sendmmsg(int, uintptr_t, uint32_t, int)',
  'int epoll_create1(int)',
  'int epoll_ctl(int, int, int, uintptr_t)',
  'int epoll_wait(int, uintptr_t, int, int)',
  'int eventfd(uint32_t, int)',
  'int usleep(uint32_t)',
  'int prctl(int, ulong, ulong, ulong, ulong)',
  'intptr_t read(int, uintptr_t, size_t)',
  'intptr_t write(int, uintptr_t, size_t)',
] as const;

const PAGE_LENGTH = 4096;

let loaded: Libc | string | undefined;

/**
 * The C library of this process, or a sentence that says why there is none to call. Never throws: a machine without it
 * gets by with what Node offers.
 */
export function loadLibc(): Libc | string {
  loaded ??= load();
  return loaded;
}

function load(): Libc | string {
  if (platform() !== 'linux') return `batched system calls are used on Linux only, and this is ${platform()}`;
  // The layouts of structures.ts are those of 64-bit, little-endian Linux.
  if (!['x64', 'arm64', 'riscv64'].includes(arch()) || endianness() !== 'LE') {
    return `batched system calls are not made on the processor type ${arch()}`;
  }
  try {
    return bindTo(createRequire(import.meta.url)('koffi') as typeof import('koffi'));
  } catch (error) {
    return `the package koffi, which makes system calls, cannot be loaded (${(error as Error).message.split('\n')[0]})`;
  }
}

function bindTo(koffi: typeof import('koffi')): Libc {
  // Whichever C library this process runs on.
  const library = koffi.load(null);
  const functions = declarations.map((declaration) => library.func(declaration));
  const names = declarations.map((declaration) => /(\w+)\(/.exec(declaration)![1]!);
  // The kernel knows no more than addresses, so nothing else would keep the memory.
  const kept: ArrayBuffer[] = [];
  return {
    ...(Object.fromEntries(names.map((name, i) => [name, functions[i]])) as unknown as Omit<Libc, OfKoffi>),
    whenReadable: (descriptor, callback) => {
      const handle = koffi.node.poll(descriptor, { readable: true }, callback);
      return () => handle.close();
    },
    errno: () => koffi.errno(),
    memory: (length) => {
      const buffer = new ArrayBuffer(length + PAGE_LENGTH);
      kept.push(buffer);
      const base = Number(koffi.address(buffer));
      const offset = PAGE_LENGTH - (base % PAGE_LENGTH);
      return { address: base + offset, bytes: Buffer.from(buffer, offset, length) };
    },
  };
}
