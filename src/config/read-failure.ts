/** Says why a file could not be read, without its path, which the caller has said already. */
export function explainReadFailure(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'The file does not exist.';
  if (code === 'EACCES') return 'This process may not read the file.';
  if (code === 'EISDIR') return 'It is a directory.';
  return `It cannot be read (${code ?? 'unknown error'}).`;
}
