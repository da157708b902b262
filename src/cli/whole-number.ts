import { wrongUsage } from './command-failure.ts';

/** Reads the value of a flag that must be a whole number from `min` to `max`. */
export function wholeNumber(flag: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw wrongUsage(`${flag} takes a whole number from ${min} to ${max}, not ${text}.`);
  };
}
