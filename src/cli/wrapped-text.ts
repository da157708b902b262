/**
 * Breaks text into lines at its spaces. A word that is longer than a line, such as an address, stays whole.
 *
 * @param columns how long a line may be, in characters.
 */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && [...line].length + 1 + [...word].length <= columns)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** A point of a list: its mark, and the text with its further lines below the first. */
export function point(text: string, columns: number, indent = '  '): string[] {
  return wrap(text, columns - indent.length - 2).map((line, i) => `${indent}${i === 0 ? '- ' : '  '}${line}`);
}
