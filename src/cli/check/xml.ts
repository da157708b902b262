/**
 * Writes an element of XML 1.0, with text or with elements in it. What no XML document may hold, such as control characters, is
 * left out.
 */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  content: string | readonly string[] = [],
): string {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(String(value))}"`);
  const opening = `<${name}${pairs.join('')}`;
  if (content.length === 0) return `${opening}/>`;
  const inner = typeof content === 'string' ? escaped(content) : `\n${content.map(indented).join('\n')}\n`;
  return `${opening}>${inner}</${name}>`;
}

/** Only lines that begin a tag: text stays as it is. */
function indented(child: string): string {
  return `  ${child.replaceAll(/\n( *<)/g, '\n  $1')}`;
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const notAllowed = /[^\t\n\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;

function escaped(text: string): string {
  return text.replaceAll(notAllowed, '').replaceAll(/[&<>"]/g, (character) => entities[character]!);
}
