import { type Conf, type ConfLine, readSwitch } from './conf-file.ts';
import type { Draft } from './draft.ts';
import { type Fate, noCounterpart, refusedLine, warn } from './fate.ts';

/** Decides about one line, and puts what it means into the draft. */
export type Take<V> = (value: V, context: TakeContext) => Fate;

export interface TakeContext {
  readonly line: ConfLine;
  readonly conf: Conf;
  readonly draft: Draft;
}

/** One word of coturn's configuration language. */
export interface Directive {
  /** Every line of it counts; of others the last one does. */
  readonly repeats: boolean;
  readonly take: (context: TakeContext) => Fate;
}

/** A directive of some theme by name. */
export type Directives = Readonly<Record<string, Directive>>;

/** Whatever it says, nothing here corresponds, and nothing needs to. */
export function unneeded(because: string): Directive {
  return { repeats: false, take: () => noCounterpart(because) };
}

/** Whatever it says, it cannot be left out without a decision of the operator. */
export function impossible(because: string): Directive {
  return { repeats: false, take: () => refusedLine(because) };
}

/** On or off. One that is off is what a server without the line does, unless `whenOff` says otherwise. */
export function toggled(whenOn: Fate | Take<true>, whenOff: Fate = switchedOff): Directive {
  return {
    repeats: false,
    take: (context) => {
      const { value } = context.line;
      const on = readSwitch(value);
      if (on === undefined) return refusedLine('its value is none of on, off, yes, no, true, false, 1, 0');
      if (!on) return whenOff;
      const fate = typeof whenOn === 'function' ? whenOn(true, context) : whenOn;
      return warn(fate, value?.startsWith('#') ? 'coturn knows no comments at the end of a line' : undefined);
    },
  };
}

const switchedOff = noCounterpart('it is switched off, which is the default here');

/** One value; of several lines the last counts. */
export function valued(take: Take<string>): Directive {
  return { repeats: false, take: takeValue(take) };
}

/** One value on each of any number of lines. */
export function repeated(take: Take<string>): Directive {
  return { repeats: true, take: takeValue(take) };
}

/** A whole number, as C's `atoi` reads it: what follows the digits does not count. */
export function numbered(take: Take<number>, withoutValue?: number): Directive {
  return {
    repeats: false,
    take: (context) => {
      const { value } = context.line;
      if (value === undefined || value.startsWith('#')) {
        return withoutValue === undefined ? missing : take(withoutValue, context);
      }
      const match = /^(\d{1,15})(?!\d)(.*)$/.exec(value);
      if (match === null) return refusedLine('its value is no whole number');
      const [, digits, rest] = match;
      return warn(take(Number(digits), context), rest === '' ? undefined : `read as ${digits}, as coturn does`);
    },
  };
}

/** The value of a directive that holds no blanks: guides put comments behind such values. */
export function firstWord(value: string): string {
  return value.split(/[ \t]/, 1)[0]!;
}

const missing = refusedLine('it has no value');

function takeValue(take: Take<string>): Directive['take'] {
  return (context) => (context.line.value === undefined ? missing : take(context.line.value, context));
}
