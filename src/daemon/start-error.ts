/** Something that keeps the daemon from starting; the message says what, why and what to do. */
export class StartError extends Error {
  override readonly name: string = 'StartError';
}
