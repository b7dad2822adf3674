/** What `npm run bench` may be told beside the scenario and its part. */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Live sessions at which `scale` measures, one after the other. */
  readonly sessions: readonly number[];
  /** Sockets that `scale sockets` opens. */
  readonly sockets: number;
}

export interface BenchCommand extends BenchOptions {
  readonly scenario: string;
  readonly part: string | undefined;
  readonly isHelp: boolean;
}

const SESSIONS = '200k,1M';
const SOCKETS = '100k';
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1_000, M: 1_000_000 };

export const OPTIONS_HELP = `options of scale, also as variables:
  --sessions <sizes>  BENCH_SESSIONS  live sessions, such as 10M or 200k,1M (${SESSIONS})
  --sockets <number>  BENCH_SOCKETS   real sockets of the part sockets (${SOCKETS})`;

/** `200k` or `10M` or `5000`. */
function sizeOf(text: string): number {
  const [, digits, unit = ''] = /^(\d+)([kM]?)$/.exec(text.trim()) ?? [];
  if (digits === undefined || Number(digits) === 0)
    throw new Error(`not a number such as 5000, 200k or 10M: '${text}'`);
  return Number(digits) * (UNITS[unit] as number);
}

/** @throws Error for what cannot be understood. */
export function readCommand(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): BenchCommand {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { sessions: { type: 'string' }, sockets: { type: 'string' }, help: { type: 'boolean' } },
  });
  const [scenario = '', part, more] = positionals;
  if (more !== undefined) throw new Error(`one part at a time: '${more}' is too much`);
  const sessions = values.sessions ?? env.BENCH_SESSIONS ?? SESSIONS;
  return {
    scenario,
    part,
    isHelp: values.help === true,
    sessions: sessions.split(',').map(sizeOf),
    sockets: sizeOf(values.sockets ?? env.BENCH_SOCKETS ?? SOCKETS),
  };
}
