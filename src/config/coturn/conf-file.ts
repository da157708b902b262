/** One line of a `turnserver.conf` that says something. */
export interface ConfLine {
  /** Counted from 1. */
  readonly number: number;
  readonly name: string;
  /** `undefined` where the directive stands alone, or nothing follows its `=`. */
  readonly value: string | undefined;
  /** The line ended in blanks, which some versions of coturn count as a part of the value. */
  readonly endsInBlanks: boolean;
}

/**
 * Splits the text of a `turnserver.conf` as coturn does: `#` makes a comment of a whole line only, any run of blanks, tabs
 * and `=` separates name and value, and one pair of double quotes around a value is dropped.
 */
export function parseConfFile(text: string): readonly ConfLine[] {
  return text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .flatMap((raw, index) => {
      const written = raw.replace(/^\s+/, '').replace(/\r$/, '');
      const line = written.trimEnd();
      if (line === '' || line.startsWith('#')) return [];
      const name = /^[^ \t=]*/.exec(line)![0];
      const value = unquoted(line.slice(name.length).replace(/^[ \t=]+/, ''));
      const endsInBlanks = written.length > line.length;
      return [{ number: index + 1, name, value: value === '' ? undefined : value, endsInBlanks }];
    });
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  return value.endsWith('"') && value.length > 1 ? value.slice(1, -1) : value.slice(1);
}

/** What a directive without a value means, and what coturn makes of the value of one that is on or off. */
export function readSwitch(value: string | undefined): boolean | undefined {
  // Guides put comments behind switches, which coturn itself does not know.
  if (value === undefined || value.startsWith('#')) return true;
  if (/^[0nf]/i.test(value) || /^(off|OFF|Off)$/.test(value)) return false;
  return /^[1-9yt]/i.test(value) || /^(on|ON|On)$/.test(value) ? true : undefined;
}

/** The directives of one file, and where its relative paths start. */
export class Conf {
  readonly lines: readonly ConfLine[];
  readonly directory: string;

  constructor(lines: readonly ConfLine[], directory: string) {
    this.lines = lines;
    this.directory = directory;
  }

  all(name: string): readonly ConfLine[] {
    return this.lines.filter((line) => line.name === name);
  }

  /** The last line with this name, which is the one that counts. */
  last(name: string): ConfLine | undefined {
    return this.lines.findLast((line) => line.name === name);
  }

  isOn(name: string): boolean {
    const line = this.last(name);
    return line !== undefined && readSwitch(line.value) === true;
  }
}
