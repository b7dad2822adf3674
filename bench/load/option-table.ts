/** Every option of the command: how it is written, its default and its help. */
import { MIX_ACTS } from './mix.ts';
import { STORMS } from './storm.ts';

export interface Option {
  /** How its value is written; none: a flag. */
  readonly value?: string;
  readonly fallback?: string;
  readonly isList?: boolean;
  /** An environment variable that is used when the option is not given: so that no secret shows in `ps`. */
  readonly variable?: string;
  readonly help: string;
}

const named = (names: Readonly<Record<string, string>>): string =>
  Object.entries(names)
    .map(([name, help]) => `\n  ${name}: ${help}`)
    .join('');

export const OPTION_GROUPS = {
  'Where to': {
    url: { value: 'ws://…', help: 'the gateway, such as ws://127.0.0.1:8080/ws (required)' },
    http: { value: 'http://…', help: 'the sidecar; needed for beat, guard and --status' },
    insecure: { help: 'take any certificate of wss:// and https://' },
    'local-addresses': { value: 'IP,IP…', help: 'connect from these addresses in turn: one has some 28,000 ports' },
  },
  'What happens': {
    players: { value: 'N', fallback: '100', help: 'players with a socket, such as 500 or 10k' },
    ramp: { value: 'TIME', fallback: '10s', help: 'in which they come, evenly' },
    hold: { value: 'TIME', fallback: '30s', help: 'after that, in which the mix and the storm happen' },
    rate: { value: 'N/s', help: 'acts of the mix a second, whether or not earlier ones were answered [players / 20]' },
    mix: {
      value: 'ACT=WEIGHT,…',
      help: `acts by weight [switch=80,join=5,leave=5,drop=10; with --http also beat=20,guard=5]${named(MIX_ACTS)}`,
    },
    away: { value: 'TIME', fallback: '2s', help: 'how long a dropped connection stays away' },
    storm: { value: 'KIND', help: `one storm:${named(STORMS)}` },
    'storm-at': { value: 'TIME', help: 'when it begins, from the beginning of the hold [half of the hold]' },
    'storm-over': { value: 'TIME', fallback: '5s', help: 'how long it lasts' },
    screens: {
      value: 'N,N…',
      fallback: '1,1,1,1,2',
      help: 'players of the first user, the second and so on, again and again; more than the limit are refused',
    },
    streams: { value: 'N', fallback: '500', help: 'streams to watch; the first ones are the popular ones' },
    'http-players': { value: 'N', help: 'players without a socket, for beat and guard [players / 10]' },
    dashboards: {
      value: 'TOPIC,…',
      fallback: 'none',
      help: 'all, stats, stream, user or users (50 each), each with =COUNT and :MODE (events, interval, auto),\nsuch as all,stream=10,users=5:auto',
    },
    status: { value: 'N/s', fallback: '0', help: 'queries of /status/users a second' },
    'status-ids': { value: 'N', fallback: '100', help: 'ids in each' },
    seed: { value: 'N', help: 'repeats a plan [drawn, and printed]' },
    prefix: { value: 'TEXT', help: 'ids of users and streams begin with it [load-SEED]' },
    timeout: { value: 'TIME', fallback: '10s', help: 'what is not answered by then is an error' },
    processes: {
      value: 'N',
      fallback: 'auto',
      help: 'generators; auto: one for each 2,500 players, one a core at most',
    },
  },
  'Who they are (with AUTH=jwt)': {
    secret: { value: 'TEXT', variable: 'LOAD_SECRET', help: 'sign tokens with it (HS256)' },
    'secret-file': { value: 'FILE', help: 'the same, read from a file' },
    claims: { value: 'JSON', help: `more claims of signed tokens, such as {"iss":"me","max_streams":5}` },
    tokens: {
      value: 'FILE',
      help: 'a JWT on each line; the users are theirs; those with scope presence:read are used by dashboards',
    },
    'token-command': {
      value: 'COMMAND',
      help: 'a shell command that prints a token for the user $LOAD_USER with the scope $LOAD_SCOPE',
    },
    'api-key': { value: 'KEY', variable: 'LOAD_API_KEY', help: 'x-api-key of HTTP requests, in place of tokens' },
  },
  'What comes out': {
    require: { value: 'EXPRESSION', isList: true, help: `what must hold, else the exit code is 1; may be repeated` },
    json: { value: 'FILE', help: 'the summary as JSON; - is standard output' },
    csv: { value: 'FILE', help: 'a row for each second' },
    prometheus: { value: 'FILE', help: 'the summary in the text format of Prometheus' },
    quiet: { help: 'no progress' },
    'dry-run': { help: 'print the plan and do nothing' },
    help: { help: 'this text' },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Option>>>>;

type Groups = typeof OPTION_GROUPS;
export type OptionName = { [Group in keyof Groups]: keyof Groups[Group] }[keyof Groups];

export const OPTIONS = Object.assign({}, ...Object.values(OPTION_GROUPS)) as Readonly<Record<OptionName, Option>>;
