/** The log of a process: one JSON object a line, `level` a word, `timestamp` ISO, the text in `message`. */
import { hostname } from 'node:os';
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

/** Waiting for whoever reads the log; some thousand lines. */
const UNREAD_MAX_BYTES = 1_048_576;

/** Of `process.stdout`, or what a test puts in its place. */
export interface Output {
  /** Bytes that its reader has not taken yet. */
  readonly writableLength: number;
  write(text: string): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/**
 * @param destination standard output unless given.
 * @param base what every line has besides.
 */
export function createLog(
  level: string,
  destination: DestinationStream = unwaiting(process.stdout),
  base: Readonly<Record<string, unknown>> = {},
): Logger {
  const options: LoggerOptions = {
    level,
    base: { hostname: hostname(), ...base },
    messageKey: 'message',
    formatters: { level: (label) => ({ level: label }) },
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
  };
  return pino(options, destination);
}

/**
 * Never waits for its reader, as pino's own does: a pipe that nobody reads would stop the process, and keep it from
 * ending. Lines that find no room are lost, and their number is told when there is room again.
 */
export function unwaiting(output: Output): DestinationStream {
  let lost = 0;
  // Its reader is gone: there is nobody to tell.
  output.on('error', () => {});
  return {
    write(line) {
      if (output.writableLength > UNREAD_MAX_BYTES) {
        lost += 1;
        return;
      }
      if (lost > 0) {
        const fields = { level: 'warn', timestamp: new Date().toISOString(), lost };
        lost = 0;
        output.write(`${JSON.stringify({ ...fields, message: 'log lines were lost: nobody read them' })}\n`);
      }
      output.write(line);
    },
  };
}
