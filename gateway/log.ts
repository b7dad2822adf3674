/** The log of a process: one JSON object a line, `level` a word, `timestamp` ISO, the text in `message`. */
import { hostname } from 'node:os';
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

/** @param destination standard output unless given. */
export function createLog(level: string, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: { hostname: hostname() },
    messageKey: 'message',
    formatters: { level: (label) => ({ level: label }) },
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
  };
  return destination ? pino(options, destination) : pino(options);
}
