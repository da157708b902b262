import { platform } from 'node:os';
import { expect, it } from 'vitest';
import { loadSyscalls } from './load.ts';

it('finds that the system calls work where they should, and says why elsewhere', () => {
  const syscalls = loadSyscalls();
  if (platform() === 'linux') expect(typeof syscalls).toBe('object');
  else expect(syscalls).toMatch(/^batched system calls are used on Linux only/);
});
