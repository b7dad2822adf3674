/** What `npm run bench` may be told beside the scenario and its part. */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Live sessions at which `scale` measures, one after the other. */
  readonly sessions: readonly number[];
  /** Idle nodes of `scale idle`, one number after the other. */
  readonly nodes: readonly number[];
  /** Sockets that `scale sockets` opens. */
  readonly sockets: number;
  /** Players of each contender in `peers`. */
  readonly players: number;
  /** Rounds in which the contenders of `peers` take turns. */
  readonly rounds: number;
  /** Contenders of `peers` by name; undefined: all that are installed. */
  readonly only: readonly string[] | undefined;
}

export interface BenchCommand extends BenchOptions {
  readonly scenario: string;
  readonly part: string | undefined;
  readonly isHelp: boolean;
  readonly isList: boolean;
  /** A missed target is a failure. */
  readonly isStrict: boolean;
  /** Keep the results under version control, and make the pages of them. */
  readonly isSaved: boolean;
  /** A folder to keep the results in, instead of `results/local/`. */
  readonly out: string | undefined;
}

const SESSIONS = '200k,1M';
const NODES = '1,50,200';
const SOCKETS = '100k';
const PLAYERS = '5000';
const ROUNDS = '3';
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1_000, M: 1_000_000 };

export const OPTIONS_HELP = `options:
  --list              what each part shows, and how long it takes
  --strict            exit with 1 when a target is missed or a part failed
  --save              keep the results in bench/results/ instead of bench/results/local/, and write the pages
  --out <folder>      keep the results there
options of scale, also as variables:
  --sessions <sizes>  BENCH_SESSIONS  live sessions, such as 10M or 200k,1M (${SESSIONS})
  --nodes <numbers>                   idle nodes of the part idle (${NODES})
  --sockets <number>  BENCH_SOCKETS   real sockets of the part sockets (${SOCKETS})
options of peers:
  --players <number>  players of each contender (${PLAYERS}; fan-out at most 500, crash at most 300)
  --rounds <number>   rounds in which the contenders take turns (${ROUNDS})
  --only <names>      contenders, such as gateway-redis,nchan (all that are installed)`;

/** `200k` or `10M` or `5000`. */
function sizeOf(text: string): number {
  const [, digits, unit = ''] = /^(\d+)([kM]?)$/.exec(text.trim()) ?? [];
  if (digits === undefined || Number(digits) === 0)
    throw new Error(`not a number such as 5000, 200k or 10M: '${text}'`);
  return Number(digits) * (UNITS[unit] as number);
}

/** As `--sessions` takes it: `200k`. */
export function sizeName(size: number): string {
  const [unit = '', factor = 1] = Object.entries(UNITS).findLast(([, each]) => size % each === 0) ?? [];
  return `${size / factor}${unit}`;
}

/** @throws Error for what cannot be understood. */
export function readCommand(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): BenchCommand {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      sessions: { type: 'string' },
      nodes: { type: 'string' },
      sockets: { type: 'string' },
      players: { type: 'string' },
      rounds: { type: 'string' },
      only: { type: 'string' },
      help: { type: 'boolean' },
      list: { type: 'boolean' },
      strict: { type: 'boolean' },
      save: { type: 'boolean' },
      out: { type: 'string' },
    },
  });
  const [scenario = '', part, more] = positionals;
  if (more !== undefined) throw new Error(`one part at a time: '${more}' is too much`);
  if (values.save && values.out !== undefined) throw new Error("'--save' or '--out', not both");
  const sessions = values.sessions ?? env.BENCH_SESSIONS ?? SESSIONS;
  return {
    scenario,
    part,
    isHelp: values.help === true,
    isList: values.list === true,
    isStrict: values.strict === true,
    isSaved: values.save === true,
    out: values.out,
    sessions: sessions.split(',').map(sizeOf),
    nodes: (values.nodes ?? NODES).split(',').map(sizeOf),
    sockets: sizeOf(values.sockets ?? env.BENCH_SOCKETS ?? SOCKETS),
    players: sizeOf(values.players ?? PLAYERS),
    rounds: sizeOf(values.rounds ?? ROUNDS),
    only: values.only?.split(',').map((name) => name.trim()),
  };
}
