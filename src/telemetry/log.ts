import { pino } from 'pino';
import { build as prettyStream } from 'pino-pretty';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** The one stream of structured log lines. A line has a stable `event` and plain facts; never a secret. */
export interface Log {
  trace(facts: object, message: string): void;
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  /** The least severe level that is logged from now on. */
  setLevel(level: LogLevel): void;
}

/**
 * A log on `stream`: for people on a terminal, JSON lines anywhere else.
 *
 * @param format `auto` decides by whether the stream is a terminal.
 */
export function createLog(options: {
  readonly level: LogLevel;
  readonly format: 'auto' | 'pretty' | 'json';
  readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly color: boolean;
}): Log {
  const { level, format, stream, color } = options;
  const pretty = format === 'pretty' || (format === 'auto' && stream.isTTY === true);
  const target = pretty
    ? prettyStream({
        colorize: color,
        destination: stream,
        ignore: 'event',
        singleLine: true,
        translateTime: 'SYS:HH:MM:ss.l',
        sync: true,
      })
    : stream;
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: levelName } },
    target,
  );
  const setLevel = (level: LogLevel) => {
    logger.level = level;
  };
  return Object.assign(logger, { setLevel });
}

function levelName(label: string): object {
  return { level: label };
}
