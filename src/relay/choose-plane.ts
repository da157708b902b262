import { loadSyscalls } from '../syscalls/load.ts';

/** What the configuration asks for. */
export type PlaneWish = 'auto' | 'batch' | 'dgram';

/** The data plane to use, and why it is this one: for people, to be read behind a dash or a colon. */
export interface PlaneChoice {
  readonly plane: 'batch' | 'dgram';
  readonly why: string;
}

/**
 * Chooses what moves UDP packets on this machine.
 *
 * @param load loads the system calls that the batch plane needs, or says why there are none.
 * @returns an error, as a full sentence, only when `batch` was demanded and cannot be had.
 */
export function choosePlane(
  wish: PlaneWish,
  load: () => object | string = loadSyscalls,
): PlaneChoice | { readonly error: string } {
  if (wish === 'dgram') return { plane: 'dgram', why: 'as configured' };
  const syscalls = load();
  if (typeof syscalls !== 'string') {
    return { plane: 'batch', why: wish === 'batch' ? 'as configured' : 'one system call here takes many packets' };
  }
  if (wish === 'auto') return { plane: 'dgram', why: `batch cannot be had here: ${syscalls}` };
  return { error: `relay.plane is batch, which cannot be had here: ${syscalls}.` };
}
