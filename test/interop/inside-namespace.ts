import { closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { NetworkNamespace } from './network-namespaces.ts';

const CLONE_NEWNET = 0x40000000;

let enter: ((descriptor: number, kind: number) => number) | undefined;

/**
 * Does something with this thread in a network namespace: sockets that it opens are there and stay there, and so are programs
 * that it starts. Until it is done, whatever else the thread opens is there as well.
 */
export async function inside<T>({ name }: NetworkNamespace, action: () => Promise<T> | T): Promise<T> {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  const there = openSync(`/run/netns/${name}`, 'r');
  try {
    setns(there);
    return await action();
  } finally {
    setns(home);
    closeSync(home);
    closeSync(there);
  }
}

function setns(descriptor: number): void {
  if (enter === undefined) {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    enter = koffi.load(null).func('int setns(int, int)');
  }
  if (enter!(descriptor, CLONE_NEWNET) !== 0) throw new Error('this thread cannot enter a network namespace');
}
