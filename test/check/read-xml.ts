/** A reader of XML that takes only what is well-formed: elements, attributes, text and the five entities. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

/** @throws when the document is not well-formed. */
export function readXml(document: string): XmlElement {
  // XML 1.0 §2.2: no other characters may be in a document.
  const strange = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u.exec(document);
  if (strange) throw new Error(`U+${strange[0].codePointAt(0)?.toString(16)} may not be in XML`);
  const reader = new Reader(document);
  reader.take(/<\?xml version="1\.0" encoding="UTF-8"\?>\s*/y);
  const root = reader.element();
  reader.take(/\s*$/y);
  return root;
}

const entities = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  take(pattern: RegExp): RegExpExecArray {
    const match = this.#look(pattern);
    if (!match) throw new Error(`not well-formed at: ${this.#text.slice(this.#at, this.#at + 60)}`);
    this.#at += match[0].length;
    return match;
  }

  element(): XmlElement {
    const name = this.take(/<([a-z-]+)/y)[1]!;
    const attributes: Record<string, string> = {};
    while (this.#look(/\s+[a-z]/y)) {
      const [, key, value] = this.take(/\s+([a-z]+)="([^"<]*)"/y);
      if (key! in attributes) throw new Error(`${key} is there twice`);
      attributes[key!] = unescaped(value!);
    }
    if (this.take(/\s*(\/?)>/y)[1] === '/') return { name, attributes, children: [], text: '' };
    const children: XmlElement[] = [];
    let text = unescaped(this.take(/[^<]*/y)[0]);
    while (!this.#look(/<\//y)) {
      children.push(this.element());
      text += unescaped(this.take(/[^<]*/y)[0]);
    }
    this.take(new RegExp(`</${name}>`, 'y'));
    return { name, attributes, children, text };
  }

  #look(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text);
  }
}

function unescaped(text: string): string {
  return text.replaceAll(/&([^;]*;)?/g, (whole, name: string | undefined) => {
    const character = entities.get(name?.slice(0, -1) ?? '');
    if (character === undefined) throw new Error(`${whole} is no entity`);
    return character;
  });
}
