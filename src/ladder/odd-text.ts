/** What goes wrong when people copy usernames, passwords and secrets from one place to another. Pure. */

/** Each oddity as it continues a sentence that begins with what the text is: "The password …". None holds any of the text. */
const signs: readonly (readonly [RegExp | ((text: string) => boolean), string])[] = [
  [/^\ufeff/, 'begins with a byte order mark'],
  [/^[ \t]/, 'begins with a blank'],
  [/[ \t][\r\n]*$/, 'ends with a blank'],
  [/[\r\n]/, 'holds a line end'],
  [/\S\t+\S/, 'holds a tab'],
  [/(?![\t\r\n])\p{Cc}/u, 'holds a control character'],
  [/(?! )\p{Zs}/u, 'holds a no-break space or another blank that is not the usual one'],
  [/(?!^\ufeff)\p{Cf}/u, 'holds a character that cannot be seen, of no width'],
  [/^\s*(["'`]).*\1\s*$|^\s*[\u2018\u201c\u00ab\u201e]/s, 'is in quotation marks'],
  [/%[0-9a-f]{2}/i, 'holds what looks like URL encoding, a percent sign and two digits'],
  [/&(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-f]+);/i, 'holds what looks like HTML encoding, as & is written &amp;'],
  [/\\[nrt]$/, 'ends with a backslash and a letter, as a line end is written in programs'],
  [isBase64WithBlanks, 'looks like base64 in which every plus became a blank'],
  [
    (text) => text !== text.normalize('NFC'),
    'holds letters whose accents are characters of their own (NFD), which are sent as one character each (NFC)',
  ],
  [hasVariants, 'holds characters of another width or style, which some programs replace by the usual ones'],
];

/**
 * What is odd about a text that is to be compared character for character, such as a password.
 *
 * @returns phrases that continue "The password", such as `ends with a blank`; nothing of the text is in them.
 */
export function oddities(text: string): readonly string[] {
  const found = signs.filter(([sign]) => (typeof sign === 'function' ? sign(text) : sign.test(text)));
  if (found.length === 0 && /\P{ASCII}/u.test(text)) {
    return ['holds characters beyond ASCII, which not all servers take as they are'];
  }
  return found.map(([, phrase]) => phrase);
}

/** What is odd about the password of a time-limited username, which is the base64 of twenty bytes. */
export function oddBase64(password: string): readonly string[] {
  if (/^[A-Za-z0-9+/]{27}$/.test(password)) return ['lacks the equals sign at its end'];
  if (/^[A-Za-z0-9_-]{27}=?$/.test(password)) return ['is base64 as it is for URLs, with - and _ in place of + and /'];
  return [];
}

/** `begins with a blank and is in quotation marks` */
export function joinPhrases(phrases: readonly string[]): string {
  return phrases.length < 2 ? phrases.join('') : `${phrases.slice(0, -1).join(', ')} and ${phrases.at(-1)}`;
}

function hasVariants(text: string): boolean {
  const visible = text.replaceAll(/\p{Zs}/gu, ' ').normalize('NFC');
  return visible !== visible.normalize('NFKC');
}

function isBase64WithBlanks(text: string): boolean {
  return /^[A-Za-z0-9+/]+( [A-Za-z0-9+/]*)+={1,2}$/.test(text) && text.length % 4 === 0;
}
