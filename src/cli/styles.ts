import type { CommandStreams, Environment } from './command-context.ts';

type Style = (text: string) => string;
type Stream = CommandStreams['stdout'];

/** Whether a stream gets colours: not when it is no terminal, nor when NO_COLOR is set (https://no-color.org). */
export function usesColour(stream: Stream, { NO_COLOR, TERM }: Environment): boolean {
  return stream.isTTY === true && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
}

/** The styles of one stream; without colours they change nothing. */
export function styles(
  stream: Stream,
  environment: Environment,
): Record<'good' | 'bad' | 'warning' | 'faint' | 'bold', Style> {
  const colourful = usesColour(stream, environment);
  const style = (on: number, off: number): Style =>
    colourful ? (text) => `\x1b[${on}m${text}\x1b[${off}m` : (text) => text;
  return { good: style(32, 39), bad: style(31, 39), warning: style(33, 39), faint: style(2, 22), bold: style(1, 22) };
}
